package wakechain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// chain: a timer wakes G1, which wakes G2 after a call, which wakes G3 when it has run.
const chain = `
0   ProcSeen P0 M1
0   TaskSeenRunning G9 P0 M1 stack=main.nine
0   TaskSeenWaiting G1 stack=main.one
0   TaskSeenWaiting G2 stack=main.two
0   TaskSeenRunning G3 M3 stack=main.three
5   RegionBegin G3 M3 name=login
10  TaskParked G3 M3 WaitChanRecv stack=main.three
20  TaskReadied G1 P0 M1 WakeTimer
30  TaskYielded G9 P0 M1 Preempted
30  TaskResumed G1 P0 M1
34  TaskBlocked G1 P0 M1 stack=main.call<main.one
44  TaskUnblocked G1 P0 M1
50  TaskReadied G2 P0 M1 WakeTask waker=G1 by=main.unlock<main.one
60  TaskParked G1 P0 M1 WaitSleep
60  TaskResumed G2 P0 M1
75  TaskReadied G3 P0 M1 WakeTask waker=G2 by=main.send<main.two
90  TaskParked G2 P0 M1 WaitSleep
90  TaskResumed G3 P0 M1
95  RegionEnd G3 P0 M1 name=login
99  TaskParked G3 P0 M1 WaitSleep
`

func steps(p *Path) string {
	var words []string
	for _, s := range p.Steps {
		words = append(words, fmt.Sprintf("%d-%d %v %v", s.From, s.To, s.Task, s.Did))
	}
	return strings.Join(words, "; ")
}

func find(t *testing.T, text string, opts Options) *Report {
	t.Helper()
	c := New(opts)
	if err := analyze.Run(eventtext.Source(t, text), c); err != nil {
		t.Fatal(err)
	}
	r := c.Report()
	for i := range r.Paths {
		if p := &r.Paths[i]; !p.Cut && p.Total() != p.To-p.From {
			t.Errorf("the steps of %v's path make %d ns of %d", p.Task, p.Total(), p.To-p.From)
		}
	}
	return r
}

func TestPath(t *testing.T) {
	for _, test := range []struct {
		opts Options
		want string
	}{
		{Options{Task: 3}, "75-90 G3 was late; 60-75 G2 ran; 50-60 G2 was late; 44-50 G1 ran; 34-44 G1 was in a call; 30-34 G1 ran; 20-30 G1 was late; 10-20 G1 waited"},
		{Options{Region: "login"}, "90-95 G3 ran; 75-90 G3 was late; 60-75 G2 ran; 50-60 G2 was late; 44-50 G1 ran; 34-44 G1 was in a call; " +
			"30-34 G1 ran; 20-30 G1 was late; 5-20 G1 waited"},
		{Options{Task: 2, Paths: 1}, "50-60 G2 was late; 44-50 G1 ran; 34-44 G1 was in a call; 30-34 G1 ran; 20-30 G1 was late; 0-20 G1 waited"},
		{Options{From: 25, To: 35}, "20-30 G1 was late; 0-20 G1 waited"},
	} {
		r := find(t, chain, test.opts)
		if len(r.Paths) != 1 {
			t.Fatalf("%+v: %d paths", test.opts, len(r.Paths))
		}
		if got := steps(&r.Paths[0]); got != test.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", test.opts, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	text := find(t, chain, Options{Task: 3}).Text()
	for _, want := range []string{
		"G3 (main.three), ready for 15ns before it ran",
		"G1 (main.one) waited: waiting from the start, ended by a timer",
		"G2 (main.two) ran, at main.send",
		"a timer",
		"G1 (main.one) was in a call, at main.call",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	r := find(t, chain, Options{})
	if len(r.Wakes) != 3 {
		t.Errorf("the wakes are %v", r.Wakes)
	}
	if len(r.Paths) < 4 || r.Paths[0].Late < r.Paths[1].Late {
		t.Errorf("%d paths, in a wrong order", len(r.Paths))
	}
}

// TestOld: a path ends where nothing is remembered.
func TestOld(t *testing.T) {
	var b strings.Builder
	b.WriteString("0 ProcSeen P0 M1\n0 TaskSeenRunning G1 P0 M1\n0 TaskSeenWaiting G2\n0 TaskSeenRunning G3 M3\n")
	b.WriteString("1 TaskParked G1 P0 M1 WaitSleep\n2 TaskReadied G1 P0 M1 WakeTimer\n3 TaskResumed G1 P0 M1\n")
	at := 10
	for range 40000 {
		fmt.Fprintf(&b, "%d TaskBlocked G3 M3\n%d TaskUnblocked G3 M3\n", at, at+1)
		at += 2
	}
	fmt.Fprintf(&b, "%d TaskReadied G2 P0 M1 WakeTask waker=G1\n%d TaskParked G1 P0 M1 WaitSleep\n%d TaskResumed G2 P0 M1\n", at, at+1, at+2)
	r := find(t, b.String(), Options{Task: 2})
	if len(r.Paths) != 1 || !r.Paths[0].Cut || r.Paths[0].Steps[1].Did != Before {
		t.Errorf("the paths are %+v", r.Paths)
	}
	if !strings.Contains(r.Text(), "isn't remembered") {
		t.Error("the text doesn't say so")
	}
}
