package calls

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

func run(t *testing.T, text string) *Report {
	t.Helper()
	c := New()
	if err := analyze.Run(eventtext.Source(t, text), c); err != nil {
		t.Fatal(err)
	}
	return c.Report()
}

func TestCalls(t *testing.T) {
	r := run(t, `
0     ProcSeen P0 M1
0     TaskSeenRunning G1 P0 M1 stack=main.one
10ms  TaskBlocked G1 P0 M1 stack=runtime.cgocall<main._Cfunc_sqlite3_step<main.query@db.go:7<main.one
12ms  ProcRetaken P0 M1 RetakeBlocked
12ms  ProcAcquired P0 M2
14ms  TaskCreated G2 P0 M2 stack=main.two
14ms  TaskStarted G2 P0 M2
14ms  TaskBlocked G2 P0 M2 stack=syscall.Read<os.(*File).Read<main.load@l.go:3<main.two
15ms  TaskUnblocked G2 P0 M2
17ms  TaskBlocked G2 P0 M2 stack=syscall.Read<os.(*File).Read<main.load@l.go:3<main.two
30ms  TaskUnblockedQueued G1 M1
50ms  TaskUnblocked G2 P0 M2
90ms  TaskBlocked G2 P0 M2 stack=runtime.cgocall<main.f
100ms TaskUnblocked G2 P0 M2`)
	if len(r.Calls) != 3 {
		t.Fatalf("%d calls: %+v", len(r.Calls), r.Calls)
	}
	read, c, other := r.Calls[0], r.Calls[1], r.Calls[2]
	if read.Entry != "syscall.Read" || read.Caller != "main.load (l.go:3)" || read.Cgo || read.Count != 2 || read.Total != 34e6 || read.Max != 33e6 || read.WorstAt != 17e6 || read.LostPs != 0 {
		t.Errorf("the system call is %+v", read)
	}
	if c.Entry != "C.sqlite3_step" || c.Caller != "main.query (db.go:7)" || !c.Cgo || c.Total != 20e6 || c.LostPs != 1 || c.LostFor != 18e6 || c.Group != "main.one" || c.Late != 70e6 {
		t.Errorf("the call of C is %+v", c)
	}
	if !other.Cgo || other.name() != "main.f" {
		t.Errorf("the third one is %+v", other)
	}
	if r.Column != 2e6 {
		t.Fatalf("a column is %d ns", r.Column)
	}
	if got := fmt.Sprint(c.Heat[5:]); got != "[2000000 2000000 2000000 2000000 2000000 2000000 2000000 2000000 2000000 2000000]" {
		t.Errorf("its columns are %v", c.Heat)
	}
	text := r.Text()
	for _, want := range []string{"C.sqlite3_step", "|     @@@@@@@@@@ ", "main.load (l.go:3)", "2.00ms a column"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// TestWidth: the map is of the whole recording, and no wider than it may be, even if all calls are at its beginning.
func TestWidth(t *testing.T) {
	r := run(t, `
0     ProcSeen P0 M1
0     TaskSeenRunning G1 P0 M1 stack=main.one
10ms  TaskBlocked G1 P0 M1 stack=syscall.Read<main.one
11ms  TaskUnblocked G1 P0 M1
10s   TaskFinished G1 P0 M1 EndReturn`)
	if r.Column*columns < r.Length || r.Column*columns >= 2*r.Length || len(r.heat(&r.Calls[0])) > columns {
		t.Errorf("a column is %d ns of %d:\n%s", r.Column, r.Length, r.Text())
	}
}

func TestNone(t *testing.T) {
	if text := run(t, "0 ProcSeen P0 M1").Text(); !strings.Contains(text, "no blocking calls") {
		t.Errorf("the text is %q", text)
	}
}

func TestShades(t *testing.T) {
	for ns, want := range map[int64]rune{0: ' ', 1: '.', 499: '*', 500: '#', 1000: '@', 5000: '@'} {
		if got := shade(ns, 1000); got != want {
			t.Errorf("%d of 1000 is %q, not %q", ns, got, want)
		}
	}
}
