package gotrace

import (
	"fmt"
	"math"

	"golang.org/x/exp/trace"

	"github.com/runq-go/runq/event"
)

const (
	// maxProcs is how many Ps a trace may name; the runtime has no limit, but a machine
	// with that many CPUs is far away.
	maxProcs = 1 << 16
)

// translator makes events of a trace's.
type translator struct {
	symbols *event.Symbols
	stacks  map[trace.Stack]event.StackID // of this generation
	recent  [numRecent]recent             // of them, by what they were asked for
	frames  []event.Frame                 // scratch
	tasks   taskTable
	holders []event.MID // by P: who holds it
	large   map[trace.ThreadID]event.MID
	procs   uint64 // GOMAXPROCS
	start   int64  // of the trace: Time 0
	begun   bool
	marking bool // the collector is
}

func newTranslator(symbols *event.Symbols) *translator {
	return &translator{
		symbols: symbols, stacks: make(map[trace.Stack]event.StackID),
		large: make(map[trace.ThreadID]event.MID),
	}
}

// begin sets Time 0, the first time that it is called.
func (t *translator) begin(at int64) {
	if !t.begun {
		t.start, t.begun = at, true
	}
}

// generation forgets what the trace's stacks mean: each generation has its own.
func (t *translator) generation() {
	clear(t.stacks)
	clear(t.recent[:])
}

// event appends what e means to out.
func (t *translator) event(out []event.Event, e *trace.Event, kind trace.EventKind) ([]event.Event, error) {
	at := int64(e.Time()) - t.start
	if kind == trace.EventStateTransition {
		s := e.StateTransition()
		if s.Resource.Kind == trace.ResourceGoroutine {
			return t.goroutine(out, at, e, &s)
		}
		return t.proc(out, at, e, &s)
	}
	to := event.Event{Time: at, P: event.NoP, M: event.NoM}
	switch kind {
	case trace.EventMetric:
		return t.metric(out, to, e)
	case trace.EventRangeBegin, trace.EventRangeActive, trace.EventRangeEnd:
		return t.span(out, to, e)
	case trace.EventRegionBegin, trace.EventRegionEnd:
		return t.region(out, to, e)
	}
	return out, nil
}

// place sets the P and the thread on which e happened.
func (t *translator) place(to *event.Event, e *trace.Event) error {
	p, err := t.p(e.Proc())
	to.P, to.M = p, t.m(e.Thread())
	return err
}

func (t *translator) p(id trace.ProcID) (event.PID, error) {
	if id < 0 {
		return event.NoP, nil
	}
	if id >= maxProcs {
		return event.NoP, fmt.Errorf("it names P %d, and there can't be that many", id)
	}
	return event.PID(id), nil
}

// m returns the name of a thread. On Linux that is the kernel's; where ids are larger,
// threads are numbered, from the end.
func (t *translator) m(id trace.ThreadID) event.MID {
	if id < 0 {
		return event.NoM
	}
	if id < math.MaxInt32/2 {
		return event.MID(id)
	}
	m, ok := t.large[id]
	if !ok {
		m = event.MID(math.MaxInt32 - len(t.large))
		t.large[id] = m
	}
	return m
}

// recent remembers some stacks that were looked at: most are among the last few that
// were asked for in the same place, which is sooner found than in a map.
type recent struct {
	stacks [4]trace.Stack
	ids    [4]event.StackID
	next   uint8
}

// numRecent is how many places ask for stacks: each kind of event, for two.
const numRecent = 256

// stack returns our number for a stack. place is a number of who asks.
func (t *translator) stack(s trace.Stack, place uint8) event.StackID {
	if s == trace.NoStack {
		return 0
	}
	r := &t.recent[place]
	for i := range r.stacks {
		if r.stacks[i] == s {
			return r.ids[i]
		}
	}
	id, ok := t.stacks[s]
	if !ok {
		t.frames = t.frames[:0]
		for f := range s.Frames() {
			t.frames = append(t.frames, event.Frame{Func: f.Func, File: f.File, Line: int(f.Line)})
		}
		id = t.symbols.InternStack(t.frames)
		t.stacks[s] = id
	}
	r.stacks[r.next], r.ids[r.next] = s, id
	r.next = (r.next + 1) % uint8(len(r.stacks))
	return id
}

// proc appends what has become of a P.
func (t *translator) proc(out []event.Event, at int64, e *trace.Event, s *trace.StateTransition) ([]event.Event, error) {
	if s.Resource.Kind != trace.ResourceProc {
		return out, nil
	}
	p, err := t.p(s.Resource.Proc())
	if err != nil || p == event.NoP {
		return out, err
	}
	for int(p) >= len(t.holders) {
		t.holders = append(t.holders, event.NoM)
	}
	from, state := s.Proc()
	m := t.m(e.Thread())
	to := event.Event{Time: at, P: p, M: event.NoM}
	switch {
	case from == trace.ProcUndetermined:
		to.Kind = event.KindProcSeen
		if state == trace.ProcRunning {
			to.M, t.holders[p] = m, m
		}
		return append(out, to), nil
	case from == trace.ProcNotExist:
		to.Kind, to.M = event.KindProcCreated, m
		out = append(out, to)
		if state == trace.ProcRunning {
			to.Kind, t.holders[p] = event.KindProcAcquired, m
			out = append(out, to)
		}
		return out, nil
	case from == trace.ProcIdle && state == trace.ProcRunning:
		to.Kind, to.M, t.holders[p] = event.KindProcAcquired, m, m
		return append(out, to), nil
	case from == trace.ProcRunning && state == trace.ProcIdle:
		to.Kind, to.M = event.KindProcReleased, t.holders[p]
		if to.M != m {
			to.Kind, to.Reason = event.KindProcRetaken, event.ReasonRetakeBlocked
		}
		t.holders[p] = event.NoM
		return append(out, to), nil
	}
	return out, nil // the same state again
}

// metric appends a change of GOMAXPROCS, which each generation tells anew.
func (t *translator) metric(out []event.Event, to event.Event, e *trace.Event) ([]event.Event, error) {
	m := e.Metric()
	if m.Name != "/sched/gomaxprocs:threads" || m.Value.Uint64() == t.procs {
		return out, nil
	}
	t.procs = m.Value.Uint64()
	to.Kind, to.Arg = event.KindProcsChanged, t.procs
	err := t.place(&to, e)
	return append(out, to), err
}

// region appends a region's beginning or end.
func (t *translator) region(out []event.Event, to event.Event, e *trace.Event) ([]event.Event, error) {
	to.Kind = event.KindRegionBegin
	if e.Kind() == trace.EventRegionEnd {
		to.Kind = event.KindRegionEnd
	}
	to.Task = id(e.Goroutine())
	to.Stack = t.stack(e.Stack(), own(to.Kind))
	to.Arg = uint64(t.symbols.Intern(e.Region().Type))
	err := t.place(&to, e)
	return append(out, to), err
}

// own and by are the places in which the stacks of an event's task, and of who did it to
// the task, are asked for.
func own(k event.Kind) uint8 { return uint8(k) & (numRecent/2 - 1) }
func by(k event.Kind) uint8  { return uint8(k) | numRecent/2 }

// id returns a goroutine's id as a task's.
func id(g trace.GoID) event.TaskID {
	if g <= 0 {
		return event.NoTask
	}
	return event.TaskID(g)
}
