package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// work is a task that waits for something twenty times, and then behind another one for
// some time; the last of these waits, of twenty, isn't over.
func work(t *testing.T, group string, behind int) *ledger.Report {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "0 ProcSeen P0 M1\n0 TaskSeenRunning G1 P0 M1 stack=main.hog\n0 TaskSeenWaiting G2 stack=main.%s\n0 TaskSeenRunning G3 M3 stack=main.a\n", group)
	at := 0
	for range 20 {
		at += 100000
		fmt.Fprintf(&b, "%d TaskReadied G2 P0 M1 WakeTask waker=G3\n", at)
		at += behind
		fmt.Fprintf(&b, "%d TaskYielded G1 P0 M1 Preempted\n%d TaskResumed G2 P0 M1\n%d TaskParked G2 P0 M1 WaitSync\n%d TaskResumed G1 P0 M1\n", at, at, at+10, at+10)
	}
	l := ledger.New(ledger.Options{})
	if err := analyze.Run(eventtext.Source(t, b.String()), l); err != nil {
		t.Fatal(err)
	}
	return l.Report()
}

func TestCompare(t *testing.T) {
	r := Compare(work(t, "w", 2000), work(t, "w", 50000))
	if len(r.Changes) != 1 {
		t.Fatalf("the changes are %+v", r.Changes)
	}
	c := r.Changes[0]
	if c.Group != "main.w" || c.Part != analyze.PartBehind || c.Each != [2]float64{19 * 2000 / 20, 19 * 50000 / 20} || c.Total != 19*48000 {
		t.Errorf("the change is %+v", c)
	}
	text := r.Text()
	for _, want := range []string{"Slower:", "main.w", "behind", "1.90µs", "47.5µs", "+912µs"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	back := Compare(work(t, "w", 50000), work(t, "w", 2000))
	if text := back.Text(); !strings.Contains(text, "Faster:") || strings.Contains(text, "Slower:") {
		t.Errorf("the other way round:\n%s", text)
	}
}

func TestSame(t *testing.T) {
	r := Compare(work(t, "w", 2000), work(t, "w", 2000))
	if len(r.Changes) != 0 || len(r.New) != 0 || len(r.Gone) != 0 || !strings.Contains(r.Text(), "No wait differs") {
		t.Errorf("the same differs:\n%s", r.Text())
	}
}

func TestOnlyOne(t *testing.T) {
	r := Compare(work(t, "v", 2000), work(t, "w", 2000))
	if len(r.New) != 1 || r.New[0] != "main.w" || len(r.Gone) != 1 || r.Gone[0] != "main.v" {
		t.Errorf("new: %v, gone: %v", r.New, r.Gone)
	}
	if text := r.Text(); !strings.Contains(text, "Only before: main.v.") || !strings.Contains(text, "Only now: main.w.") {
		t.Error(text)
	}
}
