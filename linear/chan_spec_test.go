package linear

import (
	"fmt"
	"strings"
)

// chanOp is a call of Select, or of another method of a channel, which is a Select with
// one case; or of Close or Len.
type chanOp struct {
	call  string // what was really called
	kind  chanKind
	cases []chanCase
	other bool // there is an Otherwise
	now   bool // the case that is none of a channel may be ready from the beginning

	// The results.
	chosen   int // the index of a case, or one of the below
	got      int // the value that was received
	ok       bool
	panicked bool // because the channel is closed; of a Select it isn't known which
	n        int  // Len
}

type chanKind uint8

const (
	chanSelect chanKind = iota
	chanClose           // of the channel of the first case
	chanLen             // of the channel of the first case
)

// What a Select has chosen if it isn't the case of a channel.
const (
	choseOther   = -1 - iota // Otherwise
	choseGiveUp              // the end of the task's context
	choseOutside             // After or Done
)

type chanCase struct {
	ch   int
	send bool
	v    int
}

func (o *chanOp) waits() bool { return o.kind == chanSelect && !o.other }

func (o *chanOp) String() string {
	var b strings.Builder
	b.WriteString(o.call)
	for _, k := range o.cases {
		switch {
		case o.kind != chanSelect:
			fmt.Fprintf(&b, " of channel %d", k.ch)
		case k.send:
			fmt.Fprintf(&b, " (%d to channel %d)", k.v, k.ch)
		default:
			fmt.Fprintf(&b, " (from channel %d)", k.ch)
		}
	}
	switch {
	case o.kind == chanLen:
		fmt.Fprintf(&b, ": %d", o.n)
	case o.panicked:
		b.WriteString(": panics")
	case o.kind == chanClose:
	case o.chosen == choseOther:
		b.WriteString(": not now")
	case o.chosen == choseGiveUp:
		b.WriteString(": gives up")
	case o.chosen == choseOutside:
		b.WriteString(": ended from outside")
	case o.cases[o.chosen].send:
		fmt.Fprintf(&b, ": case %d", o.chosen)
	case o.ok:
		fmt.Fprintf(&b, ": case %d, %d", o.chosen, o.got)
	default:
		fmt.Fprintf(&b, ": case %d, closed", o.chosen)
	}
	return b.String()
}

const (
	chanMost     = 2 // channels
	chanCapacity = 3 // the largest of a channel
	chanCases    = 3 // of a Select
)

// chanState is the state of all channels.
type chanState struct {
	ch   [chanMost]oneChan
	done set // what has begun and been done, and hasn't ended
}

type oneChan struct {
	n            int
	buf          [chanCapacity]uint16 // n values; the rest is zero
	closed       bool
	sendq, recvq places
}

// chanSpec is Go's channels and its select statement.
type chanSpec struct {
	capacity [chanMost]int
	op       func(id int) *chanOp
}

func (sp *chanSpec) step(state any, id int, h half) (any, bool) {
	s, o := state.(chanState), sp.op(id)
	ok := false
	switch {
	case h == end:
		ok = sp.end(&s, o, id)
	case o.kind == chanClose:
		ok = sp.close(&s, o)
	case o.kind == chanLen:
		ok = s.ch[o.cases[0].ch].n == o.n
	default:
		ok = sp.begin(&s, o, id)
		if ok && h == begin && !s.waiting(id) {
			s.done.add(id)
		}
	}
	return s, ok
}

// end is the moment in which a call has been done, or gives up.
func (sp *chanSpec) end(s *chanState, o *chanOp, id int) bool {
	return s.done.drop(id) || o.chosen <= choseGiveUp && s.leave(id)
}

// leave removes an operation from all queues and tells whether it was in any.
func (s *chanState) leave(id int) (was bool) {
	for i := range s.ch {
		c := &s.ch[i]
		in, out := c.sendq.drop(id), c.recvq.drop(id)
		was = was || in || out
	}
	return was
}

// waiting tells whether an operation is in a queue.
func (s *chanState) waiting(id int) bool {
	for i := range s.ch {
		for _, q := range []*places{&s.ch[i].sendq, &s.ch[i].recvq} {
			for _, p := range q.at[:q.n] {
				if p.id == uint16(id) {
					return true
				}
			}
		}
	}
	return false
}

// begin is the moment in which a call does a case that is ready, or joins the queues.
func (sp *chanSpec) begin(s *chanState, o *chanOp, id int) bool {
	any := false
	for _, k := range o.cases {
		any = any || sp.ready(s, k)
	}
	switch {
	case any && o.panicked:
		for _, k := range o.cases {
			if k.send && s.ch[k.ch].closed {
				return true
			}
		}
		return false
	case any && o.chosen >= 0:
		return sp.ready(s, o.cases[o.chosen]) && sp.perform(s, o)
	case any:
		return o.chosen == choseOutside && o.now
	case o.other:
		return o.chosen == choseOther
	}
	for i, k := range o.cases {
		p := place{uint16(id), uint8(i)}
		if k.send {
			s.ch[k.ch].sendq.push(p)
		} else {
			s.ch[k.ch].recvq.push(p)
		}
	}
	return true
}

func (sp *chanSpec) ready(s *chanState, k chanCase) bool {
	c := &s.ch[k.ch]
	if k.send {
		return c.closed || c.recvq.n > 0 || c.n < sp.capacity[k.ch]
	}
	return c.closed || c.sendq.n > 0 || c.n > 0
}

// perform does the chosen case of o, which is ready, and tells whether its results, and
// those of whoever waited for it, are right.
func (sp *chanSpec) perform(s *chanState, o *chanOp) bool {
	k := o.cases[o.chosen]
	c := &s.ch[k.ch]
	switch {
	case k.send && c.closed:
		return false // it should have panicked
	case k.send && c.recvq.n > 0:
		return sp.serve(s, c.recvq.at[0], k.v, true)
	case k.send:
		c.buf[c.n] = uint16(k.v)
		c.n++
		return true
	case c.n > 0:
		v := int(c.buf[0])
		copy(c.buf[:], c.buf[1:])
		c.n--
		c.buf[c.n] = 0
		if c.sendq.n > 0 {
			p := c.sendq.at[0]
			c.buf[c.n] = uint16(sp.op(int(p.id)).cases[p.of].v)
			c.n++
			if !sp.serve(s, p, 0, true) {
				return false
			}
		}
		return o.ok && o.got == v
	case c.sendq.n > 0:
		p := c.sendq.at[0]
		v := sp.op(int(p.id)).cases[p.of].v
		return sp.serve(s, p, 0, true) && o.ok && o.got == v
	}
	return !o.ok && o.got == 0 // closed
}

// serve does a case of who waits: it receives v, or its send is done; open is false when
// it is Close that ends the wait. serve tells whether this is what was returned.
func (sp *chanSpec) serve(s *chanState, p place, v int, open bool) bool {
	id := int(p.id)
	o := sp.op(id)
	s.leave(id)
	s.done.add(id)
	switch {
	case o.cases[p.of].send && !open:
		return o.panicked
	case o.panicked || o.chosen != int(p.of):
		return false
	case o.cases[p.of].send:
		return true
	}
	return o.ok == open && o.got == v
}

func (sp *chanSpec) close(s *chanState, o *chanOp) bool {
	c := &s.ch[o.cases[0].ch]
	if c.closed {
		return o.panicked
	}
	c.closed = true
	for _, q := range []*places{&c.recvq, &c.sendq} {
		for q.n > 0 {
			if !sp.serve(s, q.at[0], 0, false) {
				return false
			}
		}
	}
	return !o.panicked
}
