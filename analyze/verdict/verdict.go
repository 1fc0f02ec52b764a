// Package verdict looks for what is known to go wrong in schedulers, and names who does
// it: each finding with the threshold that it passes, with evidence, and with a time at
// which to look.
//
// A threshold is not a law. It says from where on something is worth a look, and none of
// them is passed by a program that does well on a machine with enough CPUs; the constants
// say why they are what they are. Who is named is a group of tasks (see package analyze),
// or what isn't a task.
package verdict

import (
	"cmp"
	"slices"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Kind is a sort of finding.
type Kind string

// The sorts of findings.
const (
	Starvation   Kind = "starvation"    // tasks are ready for long, behind others
	LongHolder   Kind = "long-holder"   // a task runs on and on while others wait for its P
	StopCulprit  Kind = "stop-culprit"  // who is the last to stop when the world is to
	StuckCall    Kind = "stuck-call"    // a blocking call takes long
	ThreadGrowth Kind = "thread-growth" // many tasks are in blocking calls at once: each has a thread
	Imbalance    Kind = "imbalance"     // one queue is long and another one empty
	IdleProcs    Kind = "idle-procs"    // Ps are free while tasks are ready
	WakeStorm    Kind = "wake-storm"    // very many tasks are woken at once
	Convoy       Kind = "convoy"        // tasks queue up for a lock
	SlowStage    Kind = "slow-stage"    // those who send wait for one who receives
	CallStorm    Kind = "call-storm"    // very many short blocking calls
	GCPressure   Kind = "gc-pressure"   // the garbage collector runs for a large part of the time
)

// Finding is something that is wrong, or may be.
type Finding struct {
	Kind      Kind
	Culprit   string // who does it: a group of tasks, or "timers", "P3", "the collector"
	Place     string // where in the program, if known
	What      string // what happens, in a sentence
	Threshold string // from where on this is reported
	Evidence  []string
	At        int64 // when to look at it, in ns from the beginning of the recording

	// Share says how much it is, to compare findings by: the time that is lost to it,
	// added up over all tasks, as a share of the recording's length.
	Share float64
}

// Verdicts is the analysis: a Pass. See New.
type Verdicts struct {
	starvation *starvation
	holders    *holders
	stops      *stops
	calls      *calls
	threads    *threads
	balance    *balance
	storms     *storms
	contention *contention
	collector  *collector
	report     *Report
}

// Report is what was found.
type Report struct {
	Length   int64     // of the recording, in ns
	Findings []Finding // what costs most first
}

// New returns an analysis that looks for everything.
func New() *Verdicts {
	return &Verdicts{
		starvation: newStarvation(), holders: newHolders(), stops: newStops(), calls: newCalls(), threads: newThreads(),
		balance: new(balance), storms: newStorms(), contention: newContention(), collector: newCollector(),
	}
}

// Slice implements analyze.Pass.
func (v *Verdicts) Slice(w *analyze.World, s *analyze.Slice) {
	v.holders.slice(w, s)
	v.stops.slice(w, s)
}

// Wait implements analyze.Pass.
func (v *Verdicts) Wait(w *analyze.World, d *analyze.Wait) {
	v.starvation.wait(w, d)
	v.calls.wait(w, d)
	v.contention.wait(w, d)
}

// Event implements analyze.Pass.
func (v *Verdicts) Event(w *analyze.World, e *event.Event, t *analyze.Task) {
	v.balance.event(w)
	switch e.Kind {
	case event.KindTaskBlocked:
		v.calls.event(w, e, t)
		v.threads.event(w)
	case event.KindTaskCreatedBlocked, event.KindTaskSeenBlocked, event.KindTaskUnblocked, event.KindTaskUnblockedQueued, event.KindTaskLeft:
		v.threads.event(w)
	case event.KindTaskReadied, event.KindTaskCreated:
		v.storms.event(w, e, t)
	case event.KindStopAsked, event.KindStopEnd:
		v.stops.event(w, e)
	case event.KindGCBegin, event.KindGCEnd, event.KindAssistBegin, event.KindAssistEnd:
		v.collector.event(w, e, t)
	}
}

// End implements analyze.Pass.
func (v *Verdicts) End(w *analyze.World) {
	v.collector.end(w) // a collection that isn't over
	r := &Report{Length: w.Now - w.Start}
	for _, found := range [...][]Finding{
		v.starvation.findings(w), v.holders.findings(w), v.stops.findings(w), v.calls.findings(w), v.threads.findings(w),
		v.balance.findings(w), v.storms.findings(w), v.contention.findings(w), v.collector.findings(w),
	} {
		r.Findings = append(r.Findings, found...)
	}
	for i := range r.Findings {
		r.Findings[i].Share /= float64(max(r.Length, 1))
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Culprit, b.Culprit))
	})
	v.report = r
}

// Report returns what was found: nil before the recording has been read.
func (v *Verdicts) Report() *Report { return v.report }

// maxKeys bounds how many groups, places or pairs of them a detector tells apart: what
// comes later is left out. What is wrong is rarely among the last of some thousands.
const maxKeys = 1 << 13

// tally counts things by key, up to maxKeys.
type tally[K comparable, V any] map[K]*V

// of returns the entry of a key; nil if there is no room.
func (t tally[K, V]) of(k K) *V {
	v := t[k]
	if v == nil && len(t) < maxKeys {
		v = new(V)
		t[k] = v
	}
	return v
}

// worst is the largest of some values, and when it was.
type worst struct{ value, at int64 }

func (x *worst) see(value, at int64) {
	if value > x.value {
		x.value, x.at = value, at
	}
}

// isSystem tells whether a group is the runtime's own.
func isSystem(w *analyze.World, group event.StringID) bool {
	return analyze.IsSystem(w.Symbols.String(group))
}

// procs returns how many Ps there are. Their numbers may have gaps.
func procs(w *analyze.World) (n int) {
	for _, p := range w.Procs {
		if p != nil {
			n++
		}
	}
	return n
}
