// Package profile makes profiles for pprof of how long tasks waited, and where in the
// program: by the stack that waited, and by the stack that woke it.
//
//	waits := profile.New(profile.Options{})
//	err := analyze.Run(src, waits)
//	err = errors.Join(err, waits.LateByWaker().Write(file))
//
// and then "go tool pprof -http=: FILE". The samples have these labels:
//
//   - group: the group of the task that waited;
//   - reason: what began the wait ("channel receive", "preempted", "blocking call");
//   - by, in the profiles by waker: the group of the task that woke, or "(a timer)",
//     "(the network poller)" and so on, or "(nobody)" if nobody had to.
//
// Where there is no stack, or none is known, a sample has one frame, in parentheses, that
// says what there is. So nothing is left out: the samples of a profile add up to what a
// ledger says of the same groups (see package ledger).
//
// What is kept depends on how many places a program has, not on how long the recording is.
package profile

import (
	"github.com/google/pprof/profile"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Options are what can be chosen. The zero value is good.
type Options struct {
	// System is whether the waits of the runtime's own tasks are counted, too. They wait
	// for most of the time, and nobody waits for them.
	System bool
}

// Pass collects what the profiles are made of: an analyze.Pass.
type Pass struct {
	analyze.Base
	opts    Options
	waited  sums
	woke    sums
	system  map[event.StringID]bool // which groups are the runtime's own
	symbols *event.Symbols
	source  string
	length  int64
}

// New returns an empty pass.
func New(opts Options) *Pass {
	return &Pass{opts: opts, waited: make(sums), woke: make(sums), system: make(map[event.StringID]bool)}
}

// key is what makes a sample.
type key struct {
	stack  event.StackID
	group  event.StringID
	why    analyze.Why
	by     event.StringID // of woke: the group of the waker, if a task woke
	how    event.Reason   // of woke: how
	nobody bool           // of woke: nobody had to
}

// sum is how often and for how long, by the sections of a wait.
type sum struct{ late, event, call value }

type value struct{ times, ns int64 }

func (v *value) add(ns int64) {
	if ns > 0 {
		v.times++
		v.ns += ns
	}
}

// maxKeys is how many different samples are told apart; what comes later is one more. A
// large program has some ten thousand.
const maxKeys = 1 << 16

type sums map[key]*sum

func (m sums) of(k key) *sum {
	s := m[k]
	if s == nil {
		if len(m) >= maxKeys && k != (key{}) {
			return m.of(key{})
		}
		s = new(sum)
		m[k] = s
	}
	return s
}

// Wait implements analyze.Pass.
func (p *Pass) Wait(w *analyze.World, d *analyze.Wait) {
	if !p.opts.System && p.isSystem(w, d.Group) {
		return
	}
	k := key{stack: d.Stack, group: d.Group, why: d.Why}
	p.waited.of(k).add(d)
	k.stack, k.by, k.how = d.By, d.WakerGroup, d.Wake
	k.nobody = d.Wake == event.ReasonNone && d.Waker == event.NoTask
	p.woke.of(k).add(d)
}

func (s *sum) add(d *analyze.Wait) {
	s.late.add(d.Late())
	s.event.add(d.Parts[analyze.PartEvent])
	s.call.add(d.Parts[analyze.PartInCall])
}

func (p *Pass) isSystem(w *analyze.World, group event.StringID) bool {
	system, ok := p.system[group]
	if !ok {
		system = analyze.IsSystem(w.Symbols.String(group))
		if len(p.system) < maxKeys {
			p.system[group] = system
		}
	}
	return system
}

// End implements analyze.Pass.
func (p *Pass) End(w *analyze.World) {
	p.symbols, p.source, p.length = w.Symbols, w.Info.Name, w.Now-w.Start
}

// Late returns how long tasks were ready and didn't run, by the stack that had waited. Like
// the other profiles it is made anew for each call, and is empty before the recording
// has been read.
func (p *Pass) Late() *profile.Profile {
	return p.build("ready until running, by the stack that waited", p.waited, lateTime, (*builder).waiter)
}

// LateByWaker returns how long tasks were ready and didn't run, by the stack that had
// readied them, or created them.
func (p *Pass) LateByWaker() *profile.Profile {
	return p.build("ready until running, by the stack that woke", p.woke, lateTime, (*builder).waker)
}

// Blocked returns how long tasks waited for an event, by the stack that waited.
func (p *Pass) Blocked() *profile.Profile {
	return p.build("waiting for an event, by the stack that waited", p.waited, eventTime, (*builder).waiter)
}

// BlockedByWaker returns how long tasks waited for an event, by the stack that readied
// them then.
func (p *Pass) BlockedByWaker() *profile.Profile {
	return p.build("waiting for an event, by the stack that woke", p.woke, eventTime, (*builder).waker)
}

// Calls returns how long tasks were in blocking calls, by the stack that called. Nobody
// wakes a task from a call.
func (p *Pass) Calls() *profile.Profile {
	return p.build("in blocking calls, by the stack that called", p.waited, callTime, (*builder).waiter)
}

func lateTime(s *sum) value  { return s.late }
func eventTime(s *sum) value { return s.event }
func callTime(s *sum) value  { return s.call }
