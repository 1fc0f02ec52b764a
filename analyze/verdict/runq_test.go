package verdict

import (
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/event"
)

// own is a source that says it is runq's.
type own struct{ event.Source }

func (own) Info() event.Info {
	return event.Info{Name: "runq", Sort: "runq", Blind: event.BlindStacks | event.BlindCalls}
}

func judgeOwn(t *testing.T, text string) *Report {
	t.Helper()
	v := New()
	if err := analyze.Run(own{eventtext.Source(t, text)}, v); err != nil {
		t.Fatal(err)
	}
	return v.Report()
}

// lazy is a P that is free while tasks are ready on another one, for so many µs at a time.
func lazy(begin string, us int) string {
	var s script
	s.WriteString(two + begin)
	s.at(10, "TaskParked G2 P1 M2 WaitSleep")
	s.at(1, "ProcReleased P1 M2")
	for i := range 5 {
		s.at(1000, "TaskCreated G%d P0 M1 parent=G1 stack=main.new", 10+i)
		s.at(us, "TaskYielded G1 P0 M1 Preempted")
		s.at(0, "TaskStarted G%d P0 M1", 10+i)
		s.at(1, "TaskFinished G%d P0 M1 EndReturn", 10+i)
		s.at(0, "TaskResumed G1 P0 M1")
	}
	return s.String()
}

// TestIdleProcsOwn: runq lets a task wait for the one that has readied it, for a while; and
// where there are background threads, nobody knows for which P a task waits.
func TestIdleProcsOwn(t *testing.T) {
	for _, test := range []struct {
		begin string
		us    int
		found bool
	}{{"", 300, false}, {"", 800, true}, {"0 ProcSeen P1024\n", 800, false}} {
		r := judgeOwn(t, lazy(test.begin, test.us))
		if found := len(r.Findings) == 1 && r.Findings[0].Kind == IdleProcs; found != test.found || len(r.Findings) > 1 {
			t.Errorf("%d µs after %q: the verdict is\n%s", test.us, test.begin, r.Text())
		}
	}
}

// TestCallStormOwn: where it isn't known where tasks call, those that call seldom have no
// part in what others do.
func TestCallStormOwn(t *testing.T) {
	var s script
	s.WriteString(two)
	for range 10 { // somewhat less than a ms each
		for range 100 {
			s.at(5, "TaskBlocked G1 P0 M1")
			s.at(4, "TaskUnblocked G1 P0 M1")
		}
		s.at(1, "TaskBlocked G2 P1 M2")
		s.at(1, "TaskUnblocked G2 P1 M2")
	}
	r := judgeOwn(t, s.String())
	if len(r.Findings) != 1 || r.Findings[0].Culprit != "main.one" || !strings.Contains(r.Findings[0].What, "calls a blocking call") ||
		!strings.HasPrefix(r.Findings[0].Evidence[0], "998 calls in 9 stretches") {
		t.Errorf("the verdict is\n%s", r.Text())
	}
}

// TestThreadGrowthOwn: the numbers of the Ps of background threads are no measure of how
// many Ps there are.
func TestThreadGrowthOwn(t *testing.T) {
	var s script
	s.WriteString(two + "0 ProcSeen P1024\n")
	for i := range 12 {
		s.at(1, "TaskSeenBlocked G%d M%d stack=main.call", 10+i, 10+i)
	}
	s.at(1000, "TaskYielded G1 P0 M1 Preempted")
	r := judgeOwn(t, s.String())
	if len(r.Findings) != 1 || r.Findings[0].Kind != ThreadGrowth || r.Findings[0].Culprit != "main.call" {
		t.Errorf("the verdict is\n%s", r.Text())
	}
}
