package model

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Config says which schedules are tried. The zero Config tries those without a
// preemption.
type Config struct {
	// Preemptions bounds the preemptions in a schedule; negative: any number. All
	// schedules up to the bound are tried, those with fewer preemptions first.
	Preemptions int

	// PCT, if not 0, tries Runs schedules with PCT of this depth instead.
	PCT int

	// Random, if not 0, tries so many random schedules instead.
	Random int

	Runs int    // schedules that PCT tries; 0 means defaultRuns
	Seed uint64 // of the random strategies

	Steps int  // operations in an execution before it is a livelock; 0 means defaultSteps
	Spins int  // yields in a row before others go first; 0 means 1
	Full  bool // no reduction
	Limit int  // schedules before giving up unfinished; 0: none

	// Leave leaves the threads of a failed execution blocked for ever. Otherwise they
	// are unwound by a panic, which code that switches coroutines doesn't survive.
	Leave bool
}

const (
	// defaultSteps is many times as long as any protocol takes that comes to an end.
	defaultSteps = 20_000

	// defaultRuns is what a test can afford: a second or so.
	defaultRuns = 10_000

	// gcPercent lets a small heap grow to tens of megabytes. An execution allocates
	// much and keeps nothing: with Go's default there is a collection every few dozen
	// of them, which took most of the time.
	gcPercent = 2000

	// tableRows is how many steps of a failure are shown; replaying shows all.
	tableRows = 400
)

// Report says what has been tried.
type Report struct {
	Config    Config
	Schedules int // executions, with all smaller bounds
	AtBound   int // executions of the last search
	Steps     int // operations in all
	Longest   int // operations in the longest execution
	Threads   int // the most
	Finished  bool
	Time      time.Duration
}

// String describes the report in a line.
func (r Report) String() string {
	how := fmt.Sprintf("exhaustive with at most %d preemptions", r.Config.Preemptions)
	switch {
	case r.Config.PCT > 0:
		how = fmt.Sprintf("PCT of depth %d, seed %d", r.Config.PCT, r.Config.Seed)
	case r.Config.Random > 0:
		how = fmt.Sprintf("random, seed %d", r.Config.Seed)
	case !r.Finished:
		how = "NOT exhaustive: stopped"
	case r.Config.Preemptions < 0:
		how = "exhaustive"
	}
	return fmt.Sprintf("%d schedules (%d at the last bound), %s; %d threads, %d operations, %d in the longest; %v, %.0f schedules/s",
		r.Schedules, r.AtBound, how, r.Threads, r.Steps, r.Longest, r.Time.Round(time.Millisecond), float64(r.Schedules)/r.Time.Seconds())
}

// Failure is what went wrong in an execution.
type Failure struct {
	Kind     string // panic, failure, deadlock, livelock, exit, divergence
	Message  string
	Stack    []byte // nil: there is none to show
	Schedule int    // the how manyth schedule it was, from 1 on
	Replay   string // repeats it
	Table    string // shows it
}

// Explore runs f under all schedules that cfg asks for, up to the first failure, and
// returns nil if there was none.
func Explore(cfg Config, f func(*Execution)) (Report, *Failure) {
	cfg = cfg.resolve()
	e := explorer{x: &Execution{cfg: cfg}, f: f, report: Report{Config: cfg}}
	defer e.x.dismiss()
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	start := time.Now()
	failure := e.explore()
	e.report.Time = time.Since(start)
	return e.report, failure
}

func (c Config) resolve() Config {
	if c.Steps == 0 {
		c.Steps = defaultSteps
	}
	if c.Spins == 0 {
		c.Spins = 1
	}
	if c.Runs == 0 {
		c.Runs = defaultRuns
	}
	return c
}

type explorer struct {
	x      *Execution
	f      func(*Execution)
	report Report
}

func (e *explorer) explore() *Failure {
	cfg := e.report.Config
	r := rand.New(rand.NewPCG(cfg.Seed, 0))
	switch {
	case cfg.PCT > 0:
		return e.search(&pct{random: random{r: r, left: cfg.Runs}, depth: cfg.PCT})
	case cfg.Random > 0:
		return e.search(&random{r: r, left: cfg.Random})
	case cfg.Preemptions < 0:
		return e.search(&depthFirst{bound: -1, full: cfg.Full})
	}
	for bound := range cfg.Preemptions + 1 {
		e.report.AtBound = 0
		if failure := e.search(&depthFirst{bound: bound, full: cfg.Full}); failure != nil {
			return failure
		}
	}
	return nil
}

// search runs executions until the strategy has no more, or one fails.
func (e *explorer) search(s strategy) *Failure {
	x := e.x
	x.strategy = s
	for more := true; more; {
		if limit := e.report.Config.Limit; limit > 0 && e.report.Schedules >= limit {
			e.report.Finished = false
			return nil
		}
		x.begin(e.f)
		e.count()
		more = x.err == nil && s.end(x)
		if x.err != nil {
			return e.explain(x.err)
		}
	}
	e.report.Finished = true
	return nil
}

// count adds the execution to the report.
func (e *explorer) count() {
	r := &e.report
	r.Schedules++
	r.AtBound++
	r.Steps += e.x.steps
	r.Longest = max(r.Longest, e.x.steps)
	r.Threads = max(r.Threads, e.x.started)
}

// explain repeats the failed execution and records it.
func (e *explorer) explain(failure *Failure) *Failure {
	failure.Schedule = e.report.Schedules
	failure.Replay = replayString(e.x.trail)
	again, table := e.record(failure.Replay)
	switch {
	case again == nil:
		failure.Message += "\nWhen it was repeated it didn't fail: the code under test isn't deterministic."
	case again.Kind == failure.Kind:
		failure.Message, failure.Stack = again.Message, again.Stack
	}
	failure.Table = table
	return failure
}

// record runs one schedule with recording on.
func (e *explorer) record(text string) (*Failure, string) {
	choices, err := parseReplay(text)
	if err != nil {
		return &Failure{Kind: "replay", Message: err.Error()}, ""
	}
	x := e.x
	x.strategy = &replay{choices: choices}
	rec := newRecording()
	x.rec = rec
	x.begin(e.f)
	failure := x.err
	if failure != nil {
		failure.Replay = text
	}
	return failure, rec.text
}

// Replay runs the one schedule that the string, from a Failure, stands for. It
// returns its table, and its failure if it has one.
func Replay(cfg Config, text string, f func(*Execution)) (table string, failure *Failure) {
	e := explorer{x: &Execution{cfg: cfg.resolve(), all: true}, f: f}
	defer e.x.dismiss()
	failure, table = e.record(text)
	return table, failure
}

// TB is what a check needs of a testing.TB.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Check runs f under all schedules that cfg asks for, and fails the test with the
// first failure. The flags of the test command take precedence over cfg. f must do
// the same whenever the same choices are made: no time, no random numbers, no order
// of a map may matter.
func Check(t TB, cfg Config, f func(*Execution)) Report {
	t.Helper()
	cfg = withFlags(cfg)
	if *flagReplay != "" {
		table, failure := Replay(cfg, *flagReplay, f)
		t.Logf("the schedule %s:\n%s", *flagReplay, table)
		if failure != nil {
			t.Fatalf("%s: %s\n%s", failure.Kind, failure.Message, failure.Stack)
		}
		return Report{Config: cfg, Schedules: 1}
	}
	report, failure := Explore(cfg, f)
	if failure != nil {
		t.Fatalf("found after %d schedules, in %v: %s: %s\n%s\n%s\nTo repeat it: go test %s%s -run '^%s$' -v -model.replay=%s",
			failure.Schedule, report.Time.Round(time.Millisecond), failure.Kind, failure.Message, failure.Stack, failure.Table,
			buildTags, callerPackage(), strings.ReplaceAll(t.Name(), "/", "$/^"), failure.Replay)
	}
	t.Logf("%v", report)
	return report
}

// callerPackage returns the package of the test that calls Check.
func callerPackage() string {
	pc, _, _, _ := runtime.Caller(2)
	name := runtime.FuncForPC(pc).Name()
	slash := strings.LastIndexByte(name, '/')
	pkg, _, _ := strings.Cut(name[slash+1:], ".")
	return name[:slash+1] + pkg
}
