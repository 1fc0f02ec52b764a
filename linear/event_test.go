package linear

import "github.com/runq-go/runq"

// eventObject is what is checked of an Event.
type eventObject interface {
	Set(t *runq.Task)
	Reset()
	IsSet() bool
	Wait(t *runq.Task) error
}

type eventKind uint8

const (
	eventSet eventKind = iota
	eventReset
	eventIsSet
	eventWait
)

type eventOp struct {
	kind eventKind

	// The results.
	ok     bool // IsSet
	gaveUp bool
}

func (o *eventOp) waits() bool { return o.kind == eventWait }

func (o *eventOp) String() string {
	name := [...]string{"Set", "Reset", "IsSet", "Wait"}[o.kind]
	if o.kind == eventIsSet && !o.ok {
		name = "IsSet: false"
	}
	return name + whether(false, o.gaveUp)
}

// waitState is what Event and WaitGroup have in common: waits that something ends all
// at once.
type waitState struct {
	n     int // of an Event: 1 when it isn't set; the waits end when it becomes 0
	queue set
	done  set // whose waits have been ended and who haven't returned
}

// wait is a moment of Wait.
func (s *waitState) wait(gaveUp bool, id int, h half) bool {
	switch {
	case h == begin && s.n == 0:
		s.done.add(id)
		return !gaveUp
	case h == begin:
		s.queue.add(id)
		return true
	case s.done.drop(id):
		return true
	}
	return gaveUp && s.queue.drop(id)
}

// change sets n. It tells whether all whose waits that ends have returned with it.
func (s *waitState) change(n int, gaveUp func(id int) bool) bool {
	s.n = n
	for n == 0 && s.queue.n > 0 {
		id := int(s.queue.at[0])
		if gaveUp(id) {
			return false
		}
		s.queue.drop(id)
		s.done.add(id)
	}
	return true
}

// events is an Event.
type events struct{ e eventObject }

func (s *events) spec(h *history) spec {
	op := func(id int) *eventOp { return h.records[id].op.(*eventOp) }
	gaveUp := func(id int) bool { return op(id).gaveUp }
	return spec{start: waitState{n: 1}, step: func(state any, id int, h half) (any, bool) {
		s, o := state.(waitState), op(id)
		ok := true
		switch o.kind {
		case eventSet:
			ok = s.change(0, gaveUp)
		case eventReset:
			s.n = 1
		case eventIsSet:
			ok = o.ok == (s.n == 0)
		case eventWait:
			ok = s.wait(o.gaveUp, id, h)
		}
		return s, ok
	}}
}

func (s *events) act(c *client) {
	o := &eventOp{kind: eventKind(c.rng.IntN(int(eventWait) + 1))}
	c.do(o, func() {
		switch o.kind {
		case eventSet:
			s.e.Set(c.t)
		case eventReset:
			s.e.Reset()
		case eventIsSet:
			o.ok = s.e.IsSet()
		case eventWait:
			o.gaveUp = c.gaveUp(s.e.Wait(c.t))
		}
	})
}

// leave has nothing to undo.
func (s *events) leave(*client) {}

// stuck tells whether all wait, and the event isn't set. Waits that are late, because the
// event was set and reset, are helped too; that they were late isn't found then.
func (s *events) stuck(under []operation) bool {
	for _, u := range under {
		if u.(*eventOp).kind != eventWait {
			return false
		}
	}
	return !s.e.IsSet()
}

func (s *events) help(c *client) {
	o := &eventOp{kind: eventSet}
	c.do(o, func() { s.e.Set(c.t) })
}
