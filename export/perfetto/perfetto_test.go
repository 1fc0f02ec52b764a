package perfetto

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
	"github.com/runq-go/runq/observe/gotrace"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// TestRecordings: the traces of all recordings are what Perfetto reads, and their slices
// add up to what the ledger says.
func TestRecordings(t *testing.T) {
	names, err := filepath.Glob("../../analyze/testdata/*.trace")
	if err != nil || len(names) < 9 {
		t.Fatalf("there are %d recordings: %v", len(names), err)
	}
	for _, release := range []string{"1.22", "1.25"} { // others differ in nothing that is shown
		names = append(names, "../../observe/gotrace/testdata/go"+release+".trace")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := gotrace.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var data bytes.Buffer
			led, out := ledger.New(ledger.Options{}), New(&data, Options{})
			if err := errors.Join(analyze.Run(src, led, out), out.Err()); err != nil {
				t.Fatal(err)
			}
			r := read(t, data.Bytes())
			all := &led.Report().All
			var ran int64
			for _, g := range led.Report().Groups {
				ran += g.Ran
			}
			if got := r.total("Ps/"); got != ran {
				t.Errorf("slices of Ps are %d in all; tasks ran for %d", got, ran)
			}
			if got := r.total("Tasks (G)/", "ready"); got != all.Late {
				t.Errorf("tasks are ready for %d in all; the ledger says %d", got, all.Late)
			}
			if got, want := r.total("Tasks (G)/", "waiting", "in a call"), all.Parts.Total()-all.Late; got != want {
				t.Errorf("tasks wait or are in calls for %d in all; the ledger says %d", got, want)
			}
			if len(r.flows) == 0 {
				t.Error("nobody wakes anybody")
			}
		})
	}
}

const sample = `
0 ProcSeen P0 M1
0 ProcSeen P1
0 TaskSeenRunning G1 P0 M1
0 TaskSeenWaiting G2 stack=main.get@w.go:9<main.worker
1ms TaskCreated G3 P0 M1 parent=G1 stack=main.child by=main.start@h.go:7<main.hog
2ms TaskReadied G2 P0 M1 WakeTask waker=G1 by=main.send@s.go:4<main.hog
3ms ProcAcquired P1 M2
3ms TaskStarted G3 P1 M2
4ms RegionBegin G3 P1 M2 name=load
4ms TaskBlocked G3 P1 M2 stack=syscall.Read<main.load@h.go:8<main.child
5ms ProcRetaken P1 M2 RetakeBlocked
6ms TaskYielded G1 P0 M1 Preempted stack=main.spin@h.go:1<main.hog
6ms TaskResumed G2 P0 M1
7ms TaskUnblockedQueued G3 M2
8ms StopAsked P0 M1 why=GC
9ms StopEnd P0 M1
9ms GCBegin P0 M1
10ms TaskFinished G2 P0 M1 EndReturn
11ms GCEnd P0 M1
`

func export(t *testing.T, text string, opts Options) *reader {
	t.Helper()
	var data bytes.Buffer
	out := New(&data, opts)
	if err := errors.Join(analyze.Run(eventtext.Source(t, text), out), out.Err()); err != nil {
		t.Fatal(err)
	}
	return readPart(t, data.Bytes(), opts.From != 0 || opts.To != 0)
}

func TestTracks(t *testing.T) {
	r := export(t, sample, Options{})
	for path, want := range map[string][]string{
		"Ps/P0":                   {"0-6000000 (unknown) task=1", "1000000-1000000 creates main.child task=3 where=main.start (h.go:7)", "2000000-2000000 wakes main.worker task=2 where=main.send (s.go:4)", "6000000-10000000 main.worker task=2"},
		"Ps/P1":                   {"3000000-5000000 main.child task=3"},
		"Threads (M)/M2":          {"3000000-4000000 main.child task=3", "4000000-7000000 main.child, in a call task=3"},
		"Tasks (G)/main.hog/G1":   {"0-6000000 running", "6000000-11000000 ready"},
		"Tasks (G)/main.child/G3": {"1000000-3000000 ready", "3000000-4000000 running on=P1", "4000000-7000000 in a call where=main.load (h.go:8)", "7000000-11000000 ready"},
		"Tasks (G)/main.child/G3/regions": {
			"4000000-11000000 load",
		},
		"Scheduler/stop the world":    {"8000000-9000000 stop the world why=GC"},
		"Scheduler/garbage collector": {"9000000-11000000 GC marks"},
	} {
		of := r.at(path)
		if of == nil {
			t.Errorf("there is no track %s", path)
			continue
		}
		if got := words(of); !slices.Equal(got, want) {
			t.Errorf("%s has\n%s\nnot\n%s", path, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for path, want := range map[string][]int64{
		"Counters/tasks that are ready":     {0, 1, 2, 1, 2, 1, 2},
		"Counters/tasks in the queue of P0": {1, 2, 1, 0},
	} {
		if of := r.at(path); of == nil || !slices.Equal(of.values, want) {
			t.Errorf("%s: %v, not %v", path, of, want)
		}
	}
	if len(r.flows) != 2 || len(r.flows[1]) != 3 || len(r.flows[2]) != 3 {
		t.Errorf("flows: %v", r.flows)
	}
}

// TestPart: of a part of a recording there is what happens in it, and what was open when
// it began.
func TestPart(t *testing.T) {
	r := export(t, sample, Options{From: 2.5e6, To: 6.5e6})
	for path, want := range map[string][]string{
		"Ps/P0":                           {"2500000-6000000 (unknown) task=1", "6000000-6500000 main.worker task=2"},
		"Threads (M)/M2":                  {"3000000-4000000 main.child task=3", "4000000-6500000 main.child, in a call task=3"},
		"Tasks (G)/main.hog/G1":           {"2500000-6000000 running", "6000000-6500000 ready"},
		"Tasks (G)/main.worker/G2":        {"2500000-6000000 ready", "6000000-6500000 running on=P0"},
		"Tasks (G)/main.child/G3/regions": {"4000000-6500000 load"},
	} {
		of := r.at(path)
		if of == nil {
			t.Errorf("there is no track %s", path)
			continue
		}
		if got := words(of); !slices.Equal(got, want) {
			t.Errorf("%s has\n%s\nnot\n%s", path, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for _, path := range []string{"Scheduler/stop the world", "Scheduler"} {
		if r.at(path) != nil {
			t.Errorf("there is a track %s, and nothing on it", path)
		}
	}
	for _, opts := range []Options{{From: 20e6}, {From: 1, To: 1}, {To: 1}, {From: 8e6, To: 3e6}} {
		export(t, sample, opts)
	}
}

// words are the slices of a track.
func words(of *track) (all []string) {
	for _, s := range of.slices {
		all = append(all, s.String())
	}
	return all
}

// TestBeat: a counter that changes often is written at every beat, and at last.
func TestBeat(t *testing.T) {
	var data bytes.Buffer
	o := newWriter(&data)
	c := counter{track: o.track(o.process("p"), "c", 0, byNothing, true)}
	for i := range int64(30) {
		c.set(o, uint64(i*beat/10), i)
	}
	c.set(o, 10*beat, 29)
	c.set(o, 11*beat, 30)
	c.set(o, 11*beat+1, 31)
	c.flush(o, 11*beat+2)
	o.flush()
	of := read(t, data.Bytes()).at("c")
	if want := []int64{0, 9, 19, 29, 30, 31}; !slices.Equal(of.values, want) {
		t.Errorf("%v, not %v", of.values, want)
	}
}

// TestLoss: what the loss has made unknown is closed, and is opened again when it is known.
func TestLoss(t *testing.T) {
	r := export(t, `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.a
1ms TaskSeenWaiting G2 stack=main.b
2ms Lost lost=7
4ms TaskParked G1 P0 M1 WaitSleep stack=main.a
5ms TaskReadied G1 WakeTimer
6ms TaskResumed G1 P0 M1
7ms TaskParked G1 P0 M1 WaitSleep stack=main.a
`, Options{})
	if of := r.at("Ps/P0"); len(of.slices) != 2 || of.slices[0].end != 2e6 || of.slices[1].begin != 6e6 {
		t.Errorf("P0: %v", of.slices)
	}
	if of := r.at("Tasks (G)/main.b/G2"); len(of.slices) != 1 || of.slices[0].end != 2e6 {
		t.Errorf("G2: %v", of.slices)
	}
	if of := r.at("Scheduler/losses"); len(of.slices) != 1 {
		t.Errorf("losses: %v", of.slices)
	}
}

func TestNoTasks(t *testing.T) {
	r := export(t, sample, Options{NoTasks: true})
	if len(r.flows) != 0 || r.total("Tasks (G)/") != 0 || r.total("Ps/") != 12e6 {
		t.Errorf("%d flows; tasks: %d, Ps: %d", len(r.flows), r.total("Tasks (G)/"), r.total("Ps/"))
	}
}

// TestManyNames: what finds no room in the tables is written out.
func TestManyNames(t *testing.T) {
	n := new(names)
	for i := range maxNames {
		n.event(fmt.Sprint(i))
	}
	if got := n.event("more"); got != (name{text: "more"}) {
		t.Errorf("a name beyond the bound is %v", got)
	}
	if got := n.event("0"); got != (name{id: 1}) {
		t.Errorf("the first name is %v", got)
	}
	var data bytes.Buffer
	o := newWriter(&data)
	of := o.track(o.process("p"), "t", 0, byNothing, false)
	o.begin(1, of, name{text: "more"})
	o.text(o.names.arg("a"), name{text: "value"})
	o.done()
	o.end(2, of)
	o.flush()
	m, _ := get(decode(t, data.Bytes()), "packet")
	e, _ := get(m.List().Get(2).Message(), "track_event")
	v, _ := get(e.Message(), "name")
	args, _ := get(e.Message(), "debug_annotations")
	text, _ := get(args.List().Get(0).Message(), "string_value")
	if v.String() != "more" || text.String() != "value" {
		t.Errorf("the name is %q, and the argument %q", v, text)
	}
}

var errFull = errors.New("full")

// full is a writer without room.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriterFails(t *testing.T) {
	for _, room := range []int{0, 100 << 10} {
		src, err := gotrace.Open("../../analyze/testdata/gc.trace")
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		out := New(&full{room}, Options{})
		if err := analyze.Run(src, out); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(out.Err(), errFull) {
			t.Errorf("the error is %v", out.Err())
		}
	}
}

// TestNothing: a recording without events makes a trace without any.
func TestNothing(t *testing.T) {
	var data bytes.Buffer
	out := New(&data, Options{})
	if err := errors.Join(analyze.Run(event.NewList(event.Info{}, nil, nil), out), out.Err()); err != nil {
		t.Fatal(err)
	}
	if r := read(t, data.Bytes()); len(r.events) != 0 {
		t.Errorf("%d events", len(r.events))
	}
}
