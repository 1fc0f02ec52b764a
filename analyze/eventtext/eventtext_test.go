package eventtext

import (
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

const sample = `
# A comment, and an empty line

0 ProcSeen P0 M1
1us TaskCreated G7 P0 M1 parent=G3 stack=main.w@w.go:3 by=main.f<main.main@main.go:9
~2000 TaskStarted G7 P0 M1   # the rest of a line
3us TaskParked G7 P0 M1 WaitSleep object=0x10
4us TaskReadied G7 WakeTimer
5us RegionBegin G7 P0 M1 name=login
6us Stole P1 M2 arg=4294967298
`

func TestParse(t *testing.T) {
	events, symbols, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 7 {
		t.Fatalf("%d events, not 7", len(events))
	}
	e := events[1]
	if e.Time != 1000 || e.Task != 7 || e.Seq != 1 || e.P != 0 || e.M != 1 || e.Arg != 3 {
		t.Errorf("the second event is %v", e)
	}
	want := []event.Frame{{Func: "main.f"}, {Func: "main.main", File: "main.go", Line: 9}}
	if got := symbols.Frames(nil, e.By); !slices.Equal(got, want) {
		t.Errorf("it was created by %v, not %v", got, want)
	}
	if !events[2].Coarse || events[2].Seq != 2 || events[3].Arg != 16 || events[3].Reason != event.ReasonWaitSleep {
		t.Errorf("the next ones are %v and %v", events[2], events[3])
	}
	if got := symbols.String(event.StringID(events[5].Arg)); got != "login" {
		t.Errorf("the region is called %q", got)
	}
	if victim, n := events[6].Stole(); victim != 1 || n != 2 {
		t.Errorf("stole %d tasks from %v", n, victim)
	}
}

// TestFormat: what is written is read back as the same.
func TestFormat(t *testing.T) {
	events, symbols, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	write := func(events []event.Event, symbols *event.Symbols) string {
		var lines []string
		for _, e := range events {
			lines = append(lines, Format(e, symbols))
		}
		return strings.Join(lines, "\n")
	}
	text := write(events, symbols)
	again, symbols, err := Parse(text)
	if err != nil {
		t.Fatalf("%v, in:\n%s", err, text)
	}
	if !slices.Equal(events, again) {
		t.Errorf("got:\n%s\nfrom:\n%s", write(again, symbols), text)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"\nx TaskCreated G1":             "line 2: \"x\" is no time",
		"1":                              "no kind",
		"1 Task":                         "no kind of event",
		"1 TaskCreated Q1":               "neither a task",
		"1 TaskCreated G":                "should be a number",
		"1 TaskCreated P99999999999":     "should be a number",
		"1 TaskCreated G1 waker=G2":      "has no waker",
		"1 TaskCreated G1 parent=":       "should be a number, or a name",
		"1 TaskCreated G1 stack=main@x":  "a file and a line",
		"1 TaskCreated G1 stack=main@:x": "a file and a line",
	} {
		if _, _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, without %q", text, err, want)
		}
	}
}

func TestSource(t *testing.T) {
	n := 0
	for _, err := range event.All(Source(t, "0 ProcSeen P0 M1\n1 ProcReleased P0 M1")) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d events, not 2", n)
	}
}
