package verdict

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// stuck is how long a blocking call is that is worth naming: twice the longest time
	// that a scheduler waits before it takes the P away, so that its P is lost for sure.
	stuck = 20e6

	// stuckShare is which part of the recording's length such calls from one place must
	// make together.
	stuckShare = 0.1

	// stormWindow, stormCalls and stormWindows say what a storm is: so many calls from
	// one place in so short a time, and that at least so often. It makes 50,000 a second;
	// a call and what the scheduler does about it cost some hundred ns, so from there on
	// they take some percent of a CPU. It needs no more than a few ms to be seen.
	stormWindow  = 1e6
	stormCalls   = 50
	stormWindows = 5
)

// calls finds long blocking calls, and very many short ones.
type calls struct {
	long   tally[place, long]
	storms []storm // by stack
}

// place is who does something, and where.
type place struct {
	group event.StringID
	stack event.StackID
}

type long struct {
	calls   int
	total   int64
	longest worst
	open    int
}

type storm struct {
	window  int64 // that count is of
	count   int
	windows int
	total   int
	most    worst
	group   event.StringID
}

func newCalls() *calls { return &calls{long: make(tally[place, long])} }

func (c *calls) wait(w *analyze.World, d *analyze.Wait) {
	took := d.Parts[analyze.PartInCall]
	if took < stuck || isSystem(w, d.Group) {
		return
	}
	if l := c.long.of(place{d.Group, d.Stack}); l != nil {
		l.calls++
		l.total += took
		l.longest.see(took, d.Began-w.Start)
		if d.Open {
			l.open++
		}
	}
}

// event counts calls as they begin. Stacks have small numbers, so the table of counters is
// a slice. Where it isn't known where a task calls, it is what is known of the task that
// tells calls of different ones apart.
func (c *calls) event(w *analyze.World, e *event.Event, t *analyze.Task) {
	stack := e.Stack
	if t != nil {
		stack = cmp.Or(stack, t.Stack)
	}
	if e.Kind != event.KindTaskBlocked || e.Reason != event.ReasonNone || stack > event.MaxSymbols {
		return
	}
	for int(stack) >= len(c.storms) {
		c.storms = append(c.storms, storm{})
	}
	s := &c.storms[stack]
	if now := (w.Now-w.Start)/stormWindow + 1; now != s.window {
		s.window, s.count = now, 0
	}
	s.count++
	if s.count == stormCalls {
		s.windows++
		s.total += stormCalls - 1
		s.group = t.Group
	}
	if s.count >= stormCalls {
		s.total++
		s.most.see(int64(s.count), (s.window-1)*stormWindow)
	}
}

// ownCalls are functions of the runtime and the library in which a thread of the program
// waits for a signal or the like: nobody waits for it.
var ownCalls = [...]string{"os/signal.", "runtime/trace."}

func harmless(symbols *event.Symbols, stack event.StackID) bool {
	for _, f := range symbols.Frames(nil, stack) {
		for _, prefix := range ownCalls {
			if strings.HasPrefix(f.Func, prefix) {
				return true
			}
		}
	}
	return false
}

func (c *calls) findings(w *analyze.World) []Finding {
	length := float64(w.Now - w.Start)
	by := make(map[place]*Finding)
	for at, l := range c.long {
		if float64(l.total) < stuckShare*length || harmless(w.Symbols, at.stack) {
			continue
		}
		call := analyze.CallOf(w.Symbols, at.stack)
		f := &Finding{
			Kind: StuckCall, Culprit: w.GroupName(at.group), Place: call.Caller,
			What:      fmt.Sprintf("It is in %s for long; that takes a thread, and its P until that is taken away.", callName(w, call)),
			Threshold: fmt.Sprintf("calls of %s or more that make %.0f%% of the recording in all", analyze.Duration(stuck), 100*stuckShare),
			Evidence:  []string{fmt.Sprintf("%d calls, %s in all, at most %s", l.calls, analyze.Duration(l.total), analyze.Duration(l.longest.value))},
			At:        l.longest.at, Share: float64(l.total),
		}
		if l.open != 0 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("%d of them hadn't come back when the recording ended", l.open))
		}
		by[at] = f
	}
	return append(sorted(by), c.stormFindings(w)...)
}

func callName(w *analyze.World, c analyze.Call) string {
	switch {
	case c.Entry == "" || w.Info.Blind&event.BlindStacks != 0: // then it is the function that the task began with
		return "a blocking call"
	case c.Cgo:
		return "the C function " + strings.TrimPrefix(c.Entry, "C.")
	}
	return c.Entry
}

func (c *calls) stormFindings(w *analyze.World) []Finding {
	by := make(map[event.StackID]*Finding)
	for i, s := range c.storms {
		stack := event.StackID(i)
		if s.windows < stormWindows || harmless(w.Symbols, stack) {
			continue
		}
		call := analyze.CallOf(w.Symbols, stack)
		by[stack] = &Finding{
			Kind: CallStorm, Culprit: w.GroupName(s.group), Place: call.Caller,
			What:      fmt.Sprintf("It calls %s again and again: what that costs is in the number of calls, not in what they do.", callName(w, call)),
			Threshold: fmt.Sprintf("%d calls from one place within %s, at least %d times", stormCalls, analyze.Duration(stormWindow), stormWindows),
			Evidence:  []string{fmt.Sprintf("%d calls in %d stretches of %s, at most %d in one", s.total, s.windows, analyze.Duration(stormWindow), s.most.value)},
			At:        s.most.at, Share: float64(s.windows) * stormWindow,
		}
	}
	return sorted(by)
}
