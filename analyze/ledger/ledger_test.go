package ledger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

func run(t *testing.T, text string, opts Options) *Report {
	t.Helper()
	l := New(opts)
	if err := analyze.Run(eventtext.Source(t, text), l); err != nil {
		t.Fatal(err)
	}
	return l.Report()
}

const sample = `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.hog
0 TaskSeenWaiting G2 stack=main.worker
0 TaskSeenRunning G4 M4 stack=main.other
1ms  TaskReadied G2 P0 M1 WakeTask waker=G4 by=main.send@s.go:4<main.other
3ms  TaskYielded G1 P0 M1 Preempted stack=main.spin@h.go:1<main.hog
3ms  TaskResumed G2 P0 M1
4ms  TaskParked G2 P0 M1 WaitChanRecv stack=runtime.chanrecv<main.get@w.go:9<main.worker
4ms  TaskResumed G1 P0 M1
5ms  TaskReadied G2 P0 M1 WakeTimer
7ms  TaskCreated G3 P0 M1 parent=G1 stack=main.child by=main.start@h.go:7<main.hog
9ms  TaskBlocked G1 P0 M1 stack=syscall.Read<main.load@h.go:8<main.hog
10ms TaskUnblocked G1 P0 M1
12ms TaskFinished G1 P0 M1 EndReturn
12ms TaskResumed G2 P0 M1
13ms TaskFinished G2 P0 M1 EndReturn
20ms ProcReleased P0 M1
`

func TestLedger(t *testing.T) {
	r := run(t, sample, Options{})
	groups := make(map[string]Group)
	for _, g := range r.Groups {
		groups[g.Name] = g
	}
	w := groups["main.worker"]
	want := analyze.Parts{analyze.PartEvent: 1e6 + 1e6, analyze.PartBehind: 2e6 + 6e6, analyze.PartCall: 1e6}
	if w.Waits != 2 || w.Partial != 1 || w.Open != 0 || w.Parts != want || w.Late != 9e6 || w.LateTimes.Max != 7e6 || w.Ran != 2e6 {
		t.Errorf("main.worker: %+v", w)
	}
	if g := groups["main.hog"]; g.Waits != 2 || g.Ran != 11e6 || g.LongestRun != 8e6 || g.HeldUp != 2e6+7e6+5e6 {
		t.Errorf("main.hog: %+v", g)
	}
	if c := groups["main.child"]; c.Open != 1 || c.Late != 13e6 || c.Parts[analyze.PartSwitch] != 7e6 {
		t.Errorf("main.child: %+v", c)
	}
	if len(r.Worst) != 4 || r.Worst[0].Task != 3 || r.Worst[1].Task != 2 {
		t.Fatalf("the worst are %+v", r.Worst)
	}
	s := r.Worst[1]
	if s.Late != 7e6 || s.At != 5e6 || s.Queue != 0 || s.Why != "channel receive" || len(s.Behind) != 1 || s.Behind[0].Task != 1 || s.Behind[0].Ran != 7e6 {
		t.Errorf("the story is %+v", s)
	}
	for i, want := range []string{
		"G3 (main.child): ready at 0.007000s, just created by G1 at main.start (h.go:7); it hasn't run for 13.0ms, until the recording ends: " +
			"5.00ms behind other tasks on P0, 1.00ms behind a task in a blocking call that kept the P, 7.00ms P0 was between two tasks. " +
			"Meanwhile on P0 ran G1 (main.hog) for 5.00ms, G2 (main.worker) for 1.00ms.",
		"G2 (main.worker): ready at 0.005000s, after waiting 1.00ms for channel receive at main.get (w.go:9), woken by a timer; it ran 7.00ms later, on P0: " +
			"6.00ms behind other tasks on P0, 1.00ms behind a task in a blocking call that kept the P. Meanwhile on P0 ran G1 (main.hog) for 7.00ms.",
	} {
		if got := r.Worst[i].Text; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	text := r.Text()
	for _, want := range []string{"main.worker", "channel receive", "behind other tasks on its P", "Ready tasks by queue", r.Worst[0].Text} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// TestWorst: the longest are kept, and of many that are alike one.
func TestWorst(t *testing.T) {
	var b strings.Builder
	b.WriteString("0 ProcSeen P0 M1\n0 TaskSeenRunning G1 P0 M1 stack=main.one\n")
	for i := range 50 {
		fmt.Fprintf(&b, "%d TaskCreated G%d P0 M1 parent=G1 stack=main.herd\n", 10+i, 100+i)
	}
	b.WriteString("1000 TaskYielded G1 P0 M1 Preempted\n")
	at := 1000
	for i := range 50 {
		fmt.Fprintf(&b, "%d TaskStarted G%d P0 M1\n%d TaskFinished G%d P0 M1 EndReturn\n", at, 100+i, at+1, 100+i)
		at++
	}
	fmt.Fprintf(&b, "%d TaskResumed G1 P0 M1\n", at)
	for i := range 10 {
		fmt.Fprintf(&b, "%d TaskYielded G1 P0 M1 Yield\n%d TaskResumed G1 P0 M1\n", at+10, at+100+i)
		at += 200
	}
	r := run(t, b.String(), Options{Worst: 5})
	if len(r.Worst) != 5 {
		t.Fatalf("%d stories", len(r.Worst))
	}
	if s := r.Worst[0]; s.Group != "main.herd" || s.Others != 49 || s.Late != 990 || !strings.Contains(s.Text, "The same happened to 49 others of its group.") {
		t.Errorf("the first one is %+v", s)
	}
	for i := 1; i < 5; i++ {
		if want := int64(100 - i); r.Worst[i].Late != want || r.Worst[i].Task != 1 {
			t.Errorf("story %d is %+v, not of %d ns", i, r.Worst[i], want)
		}
	}
	if r := run(t, b.String(), Options{Worst: -1}); len(r.Worst) != 0 {
		t.Error("there are stories, and none were asked for")
	}
}

// TestMany: beyond some number groups share a row, and nothing is left out.
func TestMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("0 ProcSeen P0 M1\n")
	for i := range maxGroups + 100 {
		fmt.Fprintf(&b, "%d TaskCreated G%d P0 M1 stack=main.f%d\n", i, i+1, i)
	}
	r := run(t, b.String(), Options{})
	if len(r.Groups) > maxGroups+1 {
		t.Errorf("%d groups", len(r.Groups))
	}
	waits := uint64(0)
	for i := range r.Groups {
		waits += r.Groups[i].Waits
	}
	if waits != maxGroups+100 || r.All.Waits != waits {
		t.Errorf("%d waits in groups, %d in all", waits, r.All.Waits)
	}
}

func TestEmpty(t *testing.T) {
	if text := run(t, "", Options{}).Text(); !strings.Contains(text, "all 0 waits") {
		t.Error(text)
	}
	var _ analyze.Pass = New(Options{})
	if New(Options{}).Report() != nil {
		t.Error("there is a report of nothing")
	}
	if queueName(event.NoP) == queueName(0) {
		t.Error("no P's queue is called like P0's")
	}
}

// TestHeldBack: a task that is held back waits for time, and is in no call.
func TestHeldBack(t *testing.T) {
	r := run(t, `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.pack
1ms  TaskBlocked G1 P0 M1 Pressure
5ms  TaskUnblocked G1 P0 M1
6ms  TaskBlocked G1 P0 M1 HeldBack
8ms  TaskUnblocked G1 P0 M1
9ms  TaskBlocked G1 P0 M1 stack=syscall.Read<main.pack
10ms TaskUnblockedQueued G1
11ms TaskResumed G1 P0 M1
12ms TaskFinished G1 P0 M1 EndReturn
`, Options{})
	want := analyze.Parts{analyze.PartEvent: 6e6, analyze.PartInCall: 1e6, analyze.PartNoP: 1e6}
	if g := r.Groups[0]; g.Name != "main.pack" || g.Parts != want {
		t.Errorf("%+v, want %v", g, want)
	}
	for _, why := range []string{"held back (no processor to spare)", "held back (used up its share)", "blocking call"} {
		if !strings.Contains(r.Text(), why) {
			t.Errorf("%q isn't in\n%s", why, r.Text())
		}
	}
}
