package jsonout

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/diff"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/analyze/wakechain"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
	"github.com/runq-go/runq/observe/gotrace"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// strict decodes JSON into a type that must have all of its members.
func strict(t *testing.T, data []byte, to any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// TestRecordings: what is written of all recordings is what the reports and events are.
func TestRecordings(t *testing.T) {
	names, err := filepath.Glob("../../analyze/testdata/*.trace")
	if err != nil || len(names) < 9 {
		t.Fatalf("there are %d recordings: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := gotrace.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var lines, report bytes.Buffer
			led, ver, cal, cha, out := ledger.New(ledger.Options{}), verdict.New(), calls.New(), wakechain.New(wakechain.Options{}), NewEvents(&lines)
			if err := errors.Join(analyze.Run(src, led, ver, cal, cha, out), out.Err()); err != nil {
				t.Fatal(err)
			}
			if err := WriteReport(&report, led.Report(), ver.Report(), cal.Report(), cha.Report(), diff.Compare(led.Report(), led.Report())); err != nil {
				t.Fatal(err)
			}
			var d document
			strict(t, report.Bytes(), &d)
			sums(t, &d, led.Report())
			if len(d.Verdict.Findings) != len(ver.Report().Findings) || len(d.Calls.Calls) != len(cal.Report().Calls) ||
				len(d.Wakechain.Paths) != len(cha.Report().Paths) || len(d.Wakechain.Wakes) != len(cha.Report().Wakes) || len(d.Diff.Changes) != 0 {
				t.Error("something is missing")
			}
			if n := bytes.Count(report.Bytes(), []byte("null")) - bytes.Count(report.Bytes(), []byte(`"queue": null`)); n != 0 {
				t.Errorf("%d lists are null", n)
			}
			checkLines(t, lines.String(), led.Report())
		})
	}
}

// sums checks that the JSON adds up to what the ledger says.
func sums(t *testing.T, d *document, r *ledger.Report) {
	t.Helper()
	total := func(p parts) int64 {
		v, sum := reflect.ValueOf(p), int64(0)
		for i := range v.NumField() {
			sum += v.Field(i).Int()
		}
		return sum
	}
	var groups, queues, reasons, ran, want int64
	for _, g := range d.Ledger.Groups {
		groups, ran = groups+total(g.Parts), ran+g.Ran
	}
	for _, q := range d.Ledger.Queues {
		queues += total(q.Parts)
	}
	for _, y := range d.Ledger.Whys {
		reasons += total(y.Parts)
	}
	for _, g := range r.Groups {
		want += g.Ran
	}
	if all := r.All.Parts.Total(); total(d.Ledger.All.Parts) != all || groups != all || queues != all || reasons != all || ran != want {
		t.Errorf("waits make %d, by groups %d, by queues %d, by reasons %d, not %d; tasks ran for %d, not %d",
			total(d.Ledger.All.Parts), groups, queues, reasons, all, ran, want)
	}
	for i, s := range d.Ledger.Worst {
		if total(s.Parts) != s.Length || s.Text != r.Worst[i].Text {
			t.Errorf("story %d: %+v", i, s)
		}
	}
}

// checkLines checks the events of a recording.
func checkLines(t *testing.T, text string, r *ledger.Report) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	stacks, events := make(map[uint32]bool), uint64(0)
	for i, line := range lines {
		var of struct{ Type string }
		if err := json.Unmarshal([]byte(line), &of); err != nil {
			t.Fatal(err)
		}
		if (i == 0) != (of.Type == "recording") || (i == len(lines)-1) != (of.Type == "end") {
			t.Errorf("line %d of %d is %s", i+1, len(lines), line)
		}
		switch of.Type {
		case "recording":
			var l recordingLine
			strict(t, []byte(line), &l)
			if l.Source != r.Source || l.Format != "runq-events" || l.Version != Version || l.Sort != "go" {
				t.Errorf("%+v", l)
			}
		case "stack":
			var l stackLine
			strict(t, []byte(line), &l)
			if stacks[l.Stack] || l.Stack == 0 || len(l.Frames) == 0 {
				t.Errorf("stack %d comes twice, or has no frames", l.Stack)
			}
			stacks[l.Stack] = true
		case "event":
			var l eventLine
			strict(t, []byte(line), &l)
			events++
			if l.Kind == "" || l.Stack != 0 && !stacks[l.Stack] || l.By != 0 && !stacks[l.By] {
				t.Errorf("%s names a stack that hasn't come", line)
			}
		case "end":
			var l endLine
			strict(t, []byte(line), &l)
			if l.Events != events || events != r.Events || l.Length != r.Length {
				t.Errorf("%+v, after %d events, of %d", l, events, r.Events)
			}
		default:
			t.Errorf("line %d is %s", i+1, line)
		}
	}
}

func TestEvents(t *testing.T) {
	var out bytes.Buffer
	x := NewEvents(&out)
	err := analyze.Run(eventtext.Source(t, `
5 ProcSeen P0 M1
5 TaskSeenRunning G1 P0 M1 stack=main.a@a.go:3<main.main
~8 TaskCreated G2 P0 M1 parent=G1 stack=main.b by=main.a@a.go:3<main.main
9 StopAsked P0 M1 why=<GC>
10 Stole P0 M1 arg=2
11 TaskParked G1 P0 M1 WaitLock object=0xc000
12 Lost lost=0
`), x)
	if err := errors.Join(err, x.Err()); err != nil {
		t.Fatal(err)
	}
	want := `{"type":"recording","format":"runq-events","version":1,"source":"text","sort":"text","blind":[]}
{"type":"event","t":0,"kind":"ProcSeen","p":0,"m":1}
{"type":"stack","stack":1,"frames":[{"func":"main.a","file":"a.go","line":3},{"func":"main.main"}]}
{"type":"event","t":0,"kind":"TaskSeenRunning","task":1,"seq":1,"p":0,"m":1,"stack":1}
{"type":"stack","stack":2,"frames":[{"func":"main.b"}]}
{"type":"event","t":3,"coarse":true,"kind":"TaskCreated","task":2,"seq":1,"p":0,"m":1,"stack":2,"by":1,"parent":1}
{"type":"event","t":4,"kind":"StopAsked","p":0,"m":1,"why":"<GC>"}
{"type":"event","t":5,"kind":"Stole","p":0,"m":1,"victim":0,"count":2}
{"type":"event","t":6,"kind":"TaskParked","task":1,"seq":2,"p":0,"m":1,"reason":"WaitLock","object":"0xc000"}
{"type":"event","t":7,"kind":"Lost","lost":0}
{"type":"end","events":7,"length_ns":7,"losses":1}
`
	if got := out.String(); got != want {
		t.Errorf("there is\n%s\nnot\n%s", got, want)
	}
}

// TestReport: what can't be written is said, and nothing is written then.
func TestReport(t *testing.T) {
	for _, test := range []struct {
		reports []any
		err     string
	}{
		{[]any{(*ledger.Report)(nil), &verdict.Report{}}, ""},
		{nil, ""},
		{[]any{&verdict.Report{}, &verdict.Report{}}, "there are two reports of type *verdict.Report, and room for one"},
		{[]any{&verdict.Report{}, 7}, "a int is no report that can be written as JSON"},
		{[]any{nil}, "a <nil> is no report that can be written as JSON"},
	} {
		var out bytes.Buffer
		err := WriteReport(&out, test.reports...)
		if test.err != "" {
			if err == nil || err.Error() != test.err || out.Len() != 0 {
				t.Errorf("%v: %v, and %q", test.reports, err, out.String())
			}
			continue
		}
		var d document
		strict(t, out.Bytes(), &d)
		if err != nil || d.Format != "runq-report" || d.Version != Version || d.Ledger != nil || (d.Verdict != nil) != (len(test.reports) != 0) {
			t.Errorf("%v: %v, %+v", test.reports, err, d)
		}
	}
}

// TestUnknown: a wait in nobody's queue, and the way back from it.
func TestUnknown(t *testing.T) {
	led, cha := ledger.New(ledger.Options{}), wakechain.New(wakechain.Options{})
	err := analyze.Run(eventtext.Source(t, `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.a
1ms TaskYielded G1 P0 M1 Preempted
2ms TaskResumed G1 P0 M1
`), led, cha)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteReport(&out, led.Report(), cha.Report()); err != nil {
		t.Fatal(err)
	}
	var d document
	strict(t, out.Bytes(), &d)
	if s := d.Ledger.Worst[0]; s.Queue != nil || s.Late != 1e6 {
		t.Errorf("%+v", s)
	}
	if p := d.Wakechain.Paths[0].Steps[0]; p.Parts == nil || p.Did != "was late" || p.Parts.NoP+p.Parts.Unknown+p.Parts.FreeP != 1e6 {
		t.Errorf("%+v", p)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriterFails(t *testing.T) {
	x := NewEvents(full{})
	if err := analyze.Run(event.NewList(event.Info{}, nil, nil), x); err != nil || !errors.Is(x.Err(), errFull) {
		t.Errorf("%v, %v", err, x.Err())
	}
	if err := WriteReport(full{}); !errors.Is(err, errFull) {
		t.Error(err)
	}
}
