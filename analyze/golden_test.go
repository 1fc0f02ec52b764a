package analyze_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/analyze/wakechain"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/eventtest"
	"github.com/runq-go/runq/observe/gotrace"
	"github.com/runq-go/runq/observe/runqtrace"
)

var update = flag.Bool("update", false, "write the reports of testdata anew")

// checked lets the validator see what is read.
type checked struct {
	event.Source
	t testing.TB
	v *eventtest.Validator
}

func (c *checked) Read(dst []event.Event) (int, error) {
	n, err := c.Source.Read(dst)
	for _, e := range dst[:n] {
		if err := c.v.Event(e); err != nil {
			c.t.Error(err)
		}
	}
	return n, err
}

// analyzed is everything that is said about a recording.
type analyzed struct {
	books    *books
	ledger   *ledger.Report
	verdicts *verdict.Report
	calls    *calls.Report
	chains   *wakechain.Report
}

// open opens a recording: one of runq's if the name ends in .runq, else one of Go's.
func open(name string) (event.Source, error) {
	if filepath.Ext(name) == ".runq" {
		return runqtrace.Open(name)
	}
	return gotrace.Open(name)
}

func analyzeFile(t testing.TB, name string) *analyzed {
	t.Helper()
	src, err := open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	rules := eventtest.NewValidator()
	b, led, ver, cal, cha := &books{t: t}, ledger.New(ledger.Options{}), verdict.New(), calls.New(), wakechain.New(wakechain.Options{Paths: 2})
	if err := analyze.Run(&checked{src, t, rules}, b, led, ver, cal, cha); err != nil {
		t.Fatal(err)
	}
	if own, ok := src.(*runqtrace.Source); ok && own.Whole() { // to the scheduler's end, too, as genrunq makes them
		if err := rules.Finish(); err != nil {
			t.Error(err)
		}
	}
	return &analyzed{b, led.Report(), ver.Report(), cal.Report(), cha.Report()}
}

func (a *analyzed) text() string {
	return a.verdicts.Text() + "\n" + a.ledger.Text() + "\n" + a.calls.Text() + "\n" + a.chains.Text()
}

// recordings are those of testdata: who is to be blamed in each, and for what at least.
// testdata/gen says what the programs are that Go ran, and testdata/genrunq those that
// runq ran.
var recordings = map[string]struct {
	culprit string
	kinds   []verdict.Kind
}{
	"hog.trace":      {"main.hog", []verdict.Kind{verdict.Starvation, verdict.LongHolder}},
	"convoy.trace":   {"main.locker", []verdict.Kind{verdict.Convoy}},
	"pipeline.trace": {"main.slow", []verdict.Kind{verdict.SlowStage}},
	"cgo.trace":      {"main.crunch", []verdict.Kind{verdict.StuckCall, verdict.ThreadGrowth}},
	"syscalls.trace": {"main.storm", []verdict.Kind{verdict.CallStorm}},
	"gc.trace":       {"main.churn", []verdict.Kind{verdict.GCPressure}},
	"timers.trace":   {"timers of main.timers.func1", []verdict.Kind{verdict.WakeStorm}},
	"stop.trace":     {"main.pin", []verdict.Kind{verdict.StopCulprit}},
	"server.trace":   {},

	"runq-hog.runq":        {"main.hog", []verdict.Kind{verdict.Starvation, verdict.LongHolder}},
	"runq-convoy.runq":     {"main.locker", []verdict.Kind{verdict.Convoy}},
	"runq-pipeline.runq":   {"main.slow", []verdict.Kind{verdict.SlowStage}},
	"runq-block.runq":      {"main.caller", []verdict.Kind{verdict.StuckCall, verdict.ThreadGrowth}},
	"runq-callstorm.runq":  {"main.storm", []verdict.Kind{verdict.CallStorm}},
	"runq-timers.runq":     {"timers of main.sleeper", []verdict.Kind{verdict.WakeStorm}},
	"runq-server.runq":     {},
	"runq-background.runq": {},
}

// TestRecordings: every recording is legal, its accounts are right, the verdict names the
// right culprit and no other one, and the reports are as they were.
func TestRecordings(t *testing.T) {
	for _, ending := range []string{".trace", ".runq"} {
		names, err := filepath.Glob("testdata/*" + ending)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if _, ok := recordings[filepath.Base(name)]; !ok {
				t.Errorf("%s: it isn't known who is to be blamed in it", name)
			}
		}
	}
	for file, want := range recordings {
		name := strings.TrimSuffix(file, filepath.Ext(file))
		t.Run(name, func(t *testing.T) {
			a := analyzeFile(t, filepath.Join("testdata", file))
			a.books.blame()
			for _, kind := range want.kinds {
				if !slices.ContainsFunc(a.verdicts.Findings, func(f verdict.Finding) bool { return f.Kind == kind }) {
					t.Errorf("the verdict isn't %s:\n%s", kind, a.verdicts.Text())
				}
			}
			for _, f := range a.verdicts.Findings {
				if f.Culprit != want.culprit {
					t.Errorf("the verdict blames %s, not %q:\n%s", f.Culprit, want.culprit, a.verdicts.Text())
				}
			}
			a.consistent(t)
			golden(t, filepath.Join("testdata", name+".golden"), a.text())
		})
	}
}

// consistent checks that the reports agree with the waits, and with each other.
func (a *analyzed) consistent(t *testing.T) {
	var all, groups, whys, queues, inCall analyze.Parts
	for i := range a.books.waits {
		all.Add(&a.books.waits[i].Parts)
	}
	for i := range a.ledger.Groups {
		groups.Add(&a.ledger.Groups[i].Parts)
		var parts analyze.Parts
		for _, y := range a.ledger.Groups[i].Whys {
			parts.Add(&y.Parts)
		}
		if parts != a.ledger.Groups[i].Parts {
			t.Errorf("the reasons of %s make %v, not %v", a.ledger.Groups[i].Name, parts, a.ledger.Groups[i].Parts)
		}
	}
	for i := range a.ledger.Whys {
		whys.Add(&a.ledger.Whys[i].Parts)
	}
	for i := range a.ledger.Queues {
		queues.Add(&a.ledger.Queues[i].Parts)
	}
	for _, c := range a.calls.Calls {
		inCall[analyze.PartInCall] += c.Total
	}
	if groups != all || whys != all || queues != all || a.ledger.All.Parts != all {
		t.Errorf("all waits make %v, by groups %v, by reasons %v, by queues %v", all, groups, whys, queues)
	}
	if inCall[analyze.PartInCall] != all[analyze.PartInCall] {
		t.Errorf("calls take %d, or %d", inCall[analyze.PartInCall], all[analyze.PartInCall])
	}
	for i := range a.chains.Paths {
		if p := &a.chains.Paths[i]; !p.Cut && p.Total() != p.To-p.From {
			t.Errorf("a path of %v has steps of %d in all, not %d", p.Task, p.Total(), p.To-p.From)
		}
	}
}

// golden compares a text with a file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, lines := strings.Split(text, "\n"), strings.Split(string(want), "\n")
	for i := range lines {
		if i >= len(got) || got[i] != lines[i] {
			t.Fatalf("%s, line %d: is now\n%s\nand was\n%s", name, i+1, slices.Concat(got, make([]string, len(lines)))[i], lines[i])
		}
	}
	if len(got) != len(lines) {
		t.Errorf("%s: there are %d lines, not %d", name, len(got), len(lines))
	}
}

// TestReleases: the accounts are right for what each release of Go writes.
func TestReleases(t *testing.T) {
	names, err := filepath.Glob("../observe/gotrace/testdata/*.trace")
	if err != nil || len(names) < 5 {
		t.Fatalf("there are %d recordings: %v", len(names), err)
	}
	for _, name := range names {
		a := analyzeFile(t, name)
		a.books.blame()
		a.consistent(t)
	}
}
