package analyze_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// parts writes what isn't 0.
func parts(p analyze.Parts) string {
	var words []string
	for i, ns := range p {
		if ns != 0 {
			words = append(words, fmt.Sprintf("%v=%d", analyze.Part(i), ns))
		}
	}
	return strings.Join(words, " ")
}

// TestParts: where the time of G1's last wait goes.
func TestParts(t *testing.T) {
	const begin = `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.one
0 ProcSeen P1 M2
0 TaskSeenRunning G2 P1 M2 stack=main.two
`
	for _, test := range []struct{ name, text, want string }{
		{"event only", `
10 TaskParked G1 P0 M1 WaitSleep
30 TaskReadied G1 WakeTimer P0
30 TaskResumed G1 P0 M1`, "event=20"},
		{"behind another", `
10 TaskParked G1 P0 M1 WaitChanRecv
30 TaskReadied G1 WakeTask waker=G2 P1 M2
70 TaskParked G2 P1 M2 WaitSleep
75 TaskResumed G1 P1 M2`, "event=20 behind=40 switch=5"},
		{"stolen", `
10 TaskParked G1 P0 M1 WaitChanRecv
30 TaskReadied G1 WakeTask waker=G2 P1 M2
70 TaskResumed G1 P0 M1`, "event=20 behind=40"},
		{"behind a call that keeps the P", `
10 TaskParked G1 P0 M1 WaitChanRecv
30 TaskReadied G1 WakeTask waker=G2 P1 M2
35 TaskBlocked G2 P1 M2
60 ProcRetaken P1 M2 RetakeBlocked
62 ProcAcquired P1 M3
70 TaskResumed G1 P1 M3`, "event=20 behind=5 behind-call=25 switch=8 free-p=2"},
		{"behind an assist, and with the world stopped", `
10 TaskParked G1 P0 M1 WaitChanRecv
30 TaskReadied G1 WakeTask waker=G2 P1 M2
40 AssistBegin G2 P1 M2
50 AssistEnd G2 P1 M2
51 StopAsked G2 P1 M2 why=GC
60 StopEnd G2 P1 M2
62 TaskYielded G2 P1 M2 Preempted
63 TaskResumed G1 P1 M2`, "event=20 behind=13 gc-assist=10 stop=9 switch=1"},
		{"no P is free", `
10 TaskYielded G1 P0 M1 Yield
10 TaskCreated G3 P0 M1
10 TaskStarted G3 P0 M1
40 TaskFinished G3 P0 M1 EndReturn
42 TaskResumed G1 P0 M1`, "no-p=32"},
		{"a P is free and nobody comes", `
10 TaskParked G1 P0 M1 WaitSleep
15 ProcReleased P0 M1
20 TaskReadied G1 WakeRuntime
27 ProcAcquired P0 M3
30 TaskResumed G1 P0 M3`, "event=10 no-p=3 free-p=7"},
		{"a call without a P at its end", `
10 TaskBlocked G1 P0 M1
20 ProcRetaken P0 M1 RetakeBlocked
25 ProcAcquired P0 M3
30 TaskUnblockedQueued G1 M1
36 TaskResumed G1 P0 M3`, "in-call=20 no-p=6"},
		{"a call that keeps its P", `
10 TaskBlocked G1 P0 M1
20 TaskUnblocked G1 P0 M1`, "in-call=10"},
		{"nothing is known of the P", `
10 TaskParked G1 P0 M1 WaitSleep
20 TaskReadied G1 WakeTimer P7 M9
30 TaskResumed G1 P0 M1`, "event=10 unknown=10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := read(t, begin+test.text)
			last := ""
			for _, d := range b.waits {
				if d.Task == 1 && !d.Open {
					last = parts(d.Parts)
				}
			}
			b.blame()
			if last != test.want {
				t.Errorf("got  %s\nwant %s", last, test.want)
			}
		})
	}
}

// TestSeen: what was so when the recording began counts from there.
func TestSeen(t *testing.T) {
	b := read(t, `
100 ProcSeen P0 M1
100 TaskSeenRunning G1 P0 M1
150 TaskSeenWaiting G2
150 TaskReadied G2 WakeTask waker=G1 P0 M1
160 TaskSeenRunnable G3
170 TaskSeenBlocked G4 M7
180 TaskUnblockedQueued G4 M7
200 TaskYielded G1 P0 M1 Preempted
200 TaskResumed G2 P0 M1
210 TaskParked G2 P0 M1 WaitSleep
210 TaskResumed G3 P0 M1
230 TaskFinished G3 P0 M1 EndReturn
230 TaskResumed G4 P0 M1
240 TaskFinished G4 P0 M1 EndReturn
240 TaskResumed G1 P0 M1`)
	want := map[event.TaskID]string{2: "event=50 behind=50", 3: "no-p=50 unknown=60", 4: "in-call=80 no-p=50", 1: "no-p=40"}
	for _, d := range b.waits {
		if d.Open {
			continue
		}
		if got := parts(d.Parts); got != want[d.Task] {
			t.Errorf("%v: got %s, want %s", d.Task, got, want[d.Task])
		}
		if d.Partial != (d.Task != 1) {
			t.Errorf("%v: Partial is %v", d.Task, d.Partial)
		}
	}
}

// TestLost: after a loss nothing is held to be known.
func TestLost(t *testing.T) {
	b := read(t, `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1
10 TaskCreated G2 P0 M1 parent=G1
20 Lost arg=7
30 Lost arg=0
40 TaskCreated G3 P0 M1
45 TaskStarted G3 P0 M1
50 TaskFinished G3 P0 M1 EndReturn`)
	if b.world.Losses == 0 || b.world.Dropped != 1 {
		t.Errorf("%d losses, and %d waits dropped", b.world.Losses, b.world.Dropped)
	}
	if len(b.waits) != 1 || b.waits[0].Task != 3 || parts(b.waits[0].Parts) != "unknown=5" {
		t.Errorf("the waits are %v", b.waits)
	}
}

// TestGroups: tasks that a launcher has started go by where it was called.
func TestGroups(t *testing.T) {
	b := read(t, `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.main<runtime.main
1 TaskCreated G2 P0 M1 parent=G1 stack=main.worker@w.go:1 by=main.main@m.go:5<runtime.main
2 TaskCreated G3 P0 M1 parent=G1 stack=sync.(*WaitGroup).Go.func1@x.go:1 by=sync.(*WaitGroup).Go@x.go:9<main.start@m.go:7<main.main@m.go:5
3 TaskSeenWaiting G4 stack=runtime.gopark<main.f@m.go:2<sync.(*WaitGroup).Go.func1@x.go:1
4 TaskSeenWaiting G5`)
	want := map[event.TaskID]string{1: "runtime.main", 2: "main.worker", 3: "main.start:7 (sync.(*WaitGroup).Go)", 4: "main.f", 5: "(unknown)"}
	for _, task := range b.world.Tasks() {
		if got := b.world.GroupName(task.Group); got != want[task.ID] {
			t.Errorf("%v is of %q, not %q", task.ID, got, want[task.ID])
		}
	}
	if got := len(b.world.Tasks()); got != len(want) {
		t.Errorf("%d tasks, not %d", got, len(want))
	}
}

// TestHistory: from a wait one gets to the one of the waker before that.
func TestHistory(t *testing.T) {
	b := read(t, `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1
0 TaskSeenWaiting G2
5 TaskParked G1 P0 M1 WaitSleep
9 TaskReadied G1 P0 M1 WakeTimer
10 TaskResumed G1 P0 M1
20 TaskReadied G2 P0 M1 WakeTask waker=G1
30 TaskParked G1 P0 M1 WaitChanRecv
30 TaskResumed G2 P0 M1`)
	last := b.waits[1]
	if last.Task != 2 || last.WakerPrev == 0 {
		t.Fatalf("the last wait is %+v", last)
	}
	if d := b.world.Wait(last.WakerPrev); d == nil || d.Task != 1 || d.Wake != event.ReasonWakeTimer {
		t.Errorf("its waker's last wait is %+v", d)
	}
	if b.world.Wait(0) != nil || b.world.Wait(1<<40) != nil {
		t.Error("a wait that never was is remembered")
	}
}

type broken struct{ event.Source }

func (b broken) Read(dst []event.Event) (int, error) {
	n, err := b.Source.Read(dst)
	if err == io.EOF {
		err = errors.New("broken here")
	}
	return n, err
}

// TestBroken: of a broken source the passes see what could be read.
func TestBroken(t *testing.T) {
	src := broken{event.NewList(event.Info{}, nil, []event.Event{{Kind: event.KindProcSeen, P: 0, M: 1}})}
	b := &books{t: t}
	if err := analyze.Run(src, b); err == nil || err.Error() != "broken here" {
		t.Errorf("the error is %v", err)
	}
	if b.world == nil || b.world.Events != 1 {
		t.Error("the pass wasn't told of what could be read, or of the end")
	}
}

// TestNonsense: events in any order, legal or not, do no harm, and the accounts are right
// nevertheless.
func TestNonsense(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var events []event.Event
		now := int64(0)
		for range 2000 {
			now += r.Int64N(100) - 20
			events = append(events, event.Event{
				Time: now, Kind: event.Kind(r.IntN(60)), Task: event.TaskID(r.IntN(12)), P: event.PID(r.IntN(5) - 1), M: event.MID(r.IntN(5) - 1),
				Arg: uint64(r.IntN(8)), Reason: event.Reason(r.IntN(60)), Stack: event.StackID(r.IntN(3)),
			})
		}
		b := &books{t: t}
		if err := analyze.Run(event.NewList(event.Info{}, nil, events), b); err != nil {
			t.Fatal(err)
		}
		if b.bad != 0 {
			t.Fatalf("seed %d: %d waits are wrong", seed, b.bad)
		}
		states := make(map[event.TaskState]int)
		for _, task := range b.world.Tasks() {
			states[task.State]++
		}
		w := b.world
		if w.Running != states[event.TaskRunning] || w.Blocked != states[event.TaskBlocked] || w.Runnable != states[event.TaskRunnable] {
			t.Fatalf("seed %d: %d run, %d are ready, %d are blocked, but the tasks are %v", seed, w.Running, w.Runnable, w.Blocked, states)
		}
	}
}

// TestWords: everything has a name of its own.
func TestWords(t *testing.T) {
	names := make(map[string]bool)
	for p := range analyze.NumParts {
		names[p.String()], names[p.Text()] = true, true
	}
	if len(names) != 2*int(analyze.NumParts) {
		t.Errorf("some parts have no name: %v", slices.Sorted(maps.Keys(names)))
	}
	for r := event.ReasonNone; r.Class() != 0; r++ {
		if c := r.Class(); c == event.ClassWait || c == event.ClassYield {
			if got := (analyze.Why{Kind: event.KindTaskParked, Reason: r}).String(); got == r.String() {
				t.Errorf("%v has no words", r)
			}
		}
	}
	for ns, want := range map[int64]string{0: "0ns", 999: "999ns", 1500: "1.50µs", -25e6: "-25.0ms", 123456789012: "123s"} {
		if got := analyze.Duration(ns); got != want {
			t.Errorf("%d is written as %q, not %q", ns, got, want)
		}
	}
}
