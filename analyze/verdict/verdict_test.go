package verdict

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

func judge(t *testing.T, text string) *Report {
	t.Helper()
	v := New()
	if err := analyze.Run(eventtext.Source(t, text), v); err != nil {
		t.Fatal(err)
	}
	return v.Report()
}

// script is a text of events that is written as it goes on.
type script struct {
	strings.Builder
	now int
}

func (s *script) at(us int, format string, args ...any) {
	s.now += us
	fmt.Fprintf(s, "%dus "+format+"\n", append([]any{s.now}, args...)...)
}

const two = `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.one
0 ProcSeen P1 M2
0 TaskSeenRunning G2 P1 M2 stack=main.two
`

// only fails the test unless there is one finding, of that kind and with that culprit.
func only(t *testing.T, text string, kind Kind, culprit string) Finding {
	t.Helper()
	r := judge(t, text)
	if len(r.Findings) != 1 || r.Findings[0].Kind != kind || r.Findings[0].Culprit != culprit {
		t.Fatalf("the verdict isn't %s: %s alone:\n%s", kind, culprit, r.Text())
	}
	f := r.Findings[0]
	if f.What == "" || f.Threshold == "" || len(f.Evidence) == 0 || f.At < 0 || f.At > r.Length || f.Share <= 0 {
		t.Errorf("the finding isn't complete: %+v", f)
	}
	if text := r.Text(); !strings.Contains(text, culprit) || !strings.Contains(text, f.Evidence[0]) {
		t.Errorf("the text isn't complete:\n%s", text)
	}
	return f
}

func TestNothing(t *testing.T) {
	for _, text := range []string{"", two, two + "1s TaskYielded G1 P0 M1 Preempted\n1s TaskResumed G1 P0 M1"} {
		if got := judge(t, text).Text(); got != "Nothing stands out.\n" {
			t.Errorf("the verdict is\n%s", got)
		}
	}
}

// TestIdleProcs: P1 is free, and what is ready on P0 isn't taken.
func TestIdleProcs(t *testing.T) {
	var s script
	s.WriteString(two)
	s.at(10, "TaskParked G2 P1 M2 WaitSleep")
	s.at(1, "ProcReleased P1 M2")
	for i := range 5 {
		s.at(1000, "TaskCreated G%d P0 M1 parent=G1 stack=main.new", 10+i)
		s.at(300, "TaskYielded G1 P0 M1 Preempted")
		s.at(0, "TaskStarted G%d P0 M1", 10+i)
		s.at(1, "TaskFinished G%d P0 M1 EndReturn", 10+i)
		s.at(0, "TaskResumed G1 P0 M1")
	}
	f := only(t, s.String(), IdleProcs, "the scheduler, or the machine")
	if f.Evidence[0] != "1.50ms in all, at most 301µs" {
		t.Errorf("the evidence is %q", f.Evidence)
	}
}

// TestImbalance: P0's queue is long and P1, which is busy with one task, never takes
// anything.
func TestImbalance(t *testing.T) {
	var s script
	s.WriteString(two)
	id := 10
	for range 40 {
		for range 20 {
			s.at(1, "TaskCreated G%d P0 M1 parent=G1 stack=main.new", id)
			id++
		}
		s.at(10, "TaskParked G1 P0 M1 WaitSleep stack=main.one")
		for i := id - 20; i < id; i++ {
			s.at(100, "TaskStarted G%d P0 M1", i)
			s.at(40, "TaskFinished G%d P0 M1 EndReturn", i)
		}
		s.at(0, "TaskReadied G1 P0 M1 WakeTimer")
		s.at(0, "TaskResumed G1 P0 M1")
	}
	f := only(t, s.String(), Imbalance, "P0")
	if !strings.Contains(f.Evidence[0], "tasks on average") {
		t.Errorf("the evidence is %q", f.Evidence)
	}
}

// TestBroadcast: one task wakes four hundred.
func TestBroadcast(t *testing.T) {
	var s script
	s.WriteString(two)
	for i := range 400 {
		s.at(0, "TaskSeenWaiting G%d stack=main.w", 10+i)
	}
	for i := range 400 {
		s.at(1, "TaskReadied G%d P0 M1 WakeTask waker=G1 by=main.broadcast@b.go:3<main.one", 10+i)
	}
	s.at(10, "TaskParked G1 P0 M1 WaitSleep")
	for i := range 400 {
		s.at(1, "TaskResumed G%d P0 M1", 10+i)
		s.at(1, "TaskFinished G%d P0 M1 EndReturn", 10+i)
	}
	f := only(t, s.String(), WakeStorm, "main.one")
	if f.Place != "main.broadcast (b.go:3)" || !strings.Contains(f.Evidence[0], "369 of main.w within 368µs") {
		t.Errorf("the finding is %+v", f)
	}
}

// TestStarvedByCalls: who keeps the P in a blocking call is to blame as well.
func TestStarvedByCalls(t *testing.T) {
	var s script
	s.WriteString(two)
	s.at(0, "TaskSeenWaiting G3 stack=main.victim")
	for range 4 {
		s.at(100, "TaskReadied G3 P0 M1 WakeTask waker=G2 by=main.two")
		s.at(10, "TaskBlocked G1 P0 M1 stack=syscall.Flock<main.lock@l.go:1<main.one")
		s.at(8000, "TaskUnblocked G1 P0 M1")
		s.at(10, "TaskParked G1 P0 M1 WaitSleep stack=main.one")
		s.at(0, "TaskResumed G3 P0 M1")
		s.at(10, "TaskParked G3 P0 M1 WaitChanRecv stack=main.victim")
		s.at(0, "TaskReadied G1 P0 M1 WakeTimer")
		s.at(0, "TaskResumed G1 P0 M1")
	}
	f := only(t, s.String(), Starvation, "main.one")
	if !strings.Contains(f.Evidence[0], "main.victim was ready 4 times") {
		t.Errorf("the evidence is %q", f.Evidence)
	}
}

// TestStop: of two Ps that stop, the later one is to blame.
func TestStop(t *testing.T) {
	f := only(t, two+`
0    ProcSeen P2 M3
0    TaskSeenRunning G3 P2 M3 stack=main.three
10ms StopAsked G1 P0 M1 why=GC
10ms TaskYielded G2 P1 M2 Preempted
10ms ProcReleased P1 M2
14ms TaskYielded G3 P2 M3 Preempted stack=main.copy@c.go:1<main.three
14ms ProcReleased P2 M3
15ms StopEnd G1 P0 M1
15ms ProcAcquired P1 M2
15ms TaskResumed G2 P1 M2
15ms ProcAcquired P2 M3
15ms TaskResumed G3 P2 M3
500ms TaskFinished G3 P2 M3 EndReturn`, StopCulprit, "main.three")
	if f.At != 10e6 || f.Place != "main.copy (c.go:1)" || !strings.Contains(f.Evidence[0], "at most 4.00ms (GC), on P2") {
		t.Errorf("the finding is %+v", f)
	}
}

// TestSignals: a thread that waits for signals is in a call all the time, and that is as
// it should be.
func TestSignals(t *testing.T) {
	text := two + "0 TaskSeenBlocked G9 M9 stack=os/signal.signal_recv<os/signal.loop\n1s TaskUnblockedQueued G9 M9 stack=os/signal.signal_recv<os/signal.loop\n"
	if got := judge(t, text+"1s TaskYielded G1 P0 M1 Preempted\n1s TaskResumed G9 P0 M1").Text(); got != "Nothing stands out.\n" {
		t.Errorf("the verdict is\n%s", got)
	}
	other := strings.ReplaceAll(text, "os/signal.", "main.")
	if f := only(t, other+"1s TaskYielded G1 P0 M1 Preempted\n1s TaskResumed G9 P0 M1", StuckCall, "main.loop"); f.Share != 1 {
		t.Errorf("the finding is %+v", f)
	}
}
