package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
)

// chooser chooses what a subject is like.
type chooser struct{ *rand.Rand }

func newChooser(seed uint64) *chooser { return &chooser{rand.New(rand.NewPCG(seed, 0))} }

// channel is what is checked of a Chan.
type channel interface {
	Send(t *runq.Task, v int) error
	Recv(t *runq.Task) (int, error)
	TrySend(v int) bool
	TryRecv() (int, error)
	Close()
	Len() int
	SendCase(v *int) runq.Case
	RecvCase(v *int, ok *bool) runq.Case
}

// chans are one or two channels. holds of a client isn't used.
type chans struct {
	ch     []channel
	sel    func(t *runq.Task, of ...runq.Case) (int, error) // nil: there is none
	limits [chanMost]int
	last   atomic.Int64 // the last value: each is sent once
	closed [chanMost]atomic.Bool
}

func newChans(count int, c *chooser) *chans {
	s := &chans{sel: runq.Select}
	for i := range count {
		s.limits[i] = c.IntN(chanCapacity + 1)
		s.ch = append(s.ch, runq.NewChan[int](s.limits[i]))
	}
	return s
}

func (s *chans) spec(h *history) spec {
	sp := &chanSpec{capacity: s.limits, op: func(id int) *chanOp { return h.records[id].op.(*chanOp) }}
	return spec{start: chanState{}, step: sp.step}
}

// closeOneIn is how many operations there are, about, for one that closes a channel:
// most histories have one, late.
const closeOneIn = 150

func (s *chans) act(c *client) {
	i := c.rng.IntN(len(s.ch))
	if c.rng.IntN(closeOneIn) == 0 {
		s.close(c, i)
		return
	}
	if s.sel != nil && c.rng.IntN(12) < 6*len(s.ch)-5 { // one in twelve, or seven if there are two channels
		s.choose(c)
		return
	}
	switch c.rng.IntN(11) {
	case 0, 1, 2:
		s.send(c, i)
	case 3, 4, 5:
		s.recv(c, i)
	case 6, 7:
		s.trySend(c, i)
	case 8, 9:
		s.tryRecv(c, i)
	case 10:
		o := &chanOp{call: "Len", kind: chanLen, cases: []chanCase{{ch: i}}}
		c.do(o, func() { o.n = s.ch[i].Len() })
	}
}

func (s *chans) send(c *client, i int) {
	o := &chanOp{call: "Send", cases: []chanCase{{ch: i, send: true, v: int(s.last.Add(1))}}}
	c.do(o, func() {
		o.panicked = panics(func() {
			if c.gaveUp(s.ch[i].Send(c.t, o.cases[0].v)) {
				o.chosen = choseGiveUp
			}
		})
	})
}

func (s *chans) recv(c *client, i int) {
	o := &chanOp{call: "Recv", cases: []chanCase{{ch: i}}}
	c.do(o, func() {
		v, err := s.ch[i].Recv(c.t)
		o.got, o.ok = v, err == nil
		if !errors.Is(err, runq.ErrChanClosed) && c.gaveUp(err) {
			o.chosen = choseGiveUp
		}
	})
}

func (s *chans) trySend(c *client, i int) {
	o := &chanOp{call: "TrySend", cases: []chanCase{{ch: i, send: true, v: int(s.last.Add(1))}}, other: true}
	c.do(o, func() {
		o.panicked = panics(func() {
			if !s.ch[i].TrySend(o.cases[0].v) {
				o.chosen = choseOther
			}
		})
	})
}

func (s *chans) tryRecv(c *client, i int) {
	o := &chanOp{call: "TryRecv", cases: []chanCase{{ch: i}}, other: true}
	c.do(o, func() {
		v, err := s.ch[i].TryRecv()
		o.got, o.ok = v, err == nil
		if errors.Is(err, runq.ErrChanEmpty) {
			o.chosen = choseOther
		}
	})
}

func (s *chans) close(c *client, i int) {
	o := &chanOp{call: "Close", kind: chanClose, cases: []chanCase{{ch: i}}}
	c.do(o, func() { o.panicked = panics(s.ch[i].Close) })
	s.closed[i].Store(true)
}

// choose is a Select of random cases, of which several may be of the same channel.
func (s *chans) choose(c *client) {
	o := &chanOp{call: "Select"}
	var values, received [chanCases]int
	var ok [chanCases]bool
	var of []runq.Case
	for i := range 1 + c.rng.IntN(chanCases) {
		k := chanCase{ch: c.rng.IntN(len(s.ch)), send: c.rng.IntN(2) == 0}
		if k.send {
			k.v = int(s.last.Add(1))
			values[i] = k.v
			of = append(of, s.ch[k.ch].SendCase(&values[i]))
		} else {
			of = append(of, s.ch[k.ch].RecvCase(&received[i], &ok[i]))
		}
		o.cases = append(o.cases, k)
	}
	if outside, end := s.outside(c, o); outside != (runq.Case{}) {
		defer end()
		of = append(of, outside)
	}
	c.do(o, func() {
		o.panicked = panics(func() {
			i, err := s.sel(c.t, of...)
			switch {
			case c.gaveUp(err):
				o.chosen = choseGiveUp
			case i < len(o.cases):
				o.chosen = i
				o.got, o.ok = received[i], ok[i]
			case o.other:
				o.chosen = choseOther
			default:
				o.chosen = choseOutside
			}
		})
	})
}

// outside returns a case for o that isn't of a channel, or the zero Case; and what is to
// be called afterwards.
func (s *chans) outside(c *client, o *chanOp) (of runq.Case, end func()) {
	end = func() {}
	switch c.rng.IntN(8) {
	case 0, 1:
		o.other = true
		of = runq.Otherwise()
	case 2:
		d := time.Duration(c.rng.IntN(100)) * time.Microsecond
		o.now = d == 0
		of = runq.After(d)
	case 3:
		ctx, cancel := context.WithCancel(context.Background())
		end = cancel
		o.now = true
		of = runq.Done(ctx)
		if c.rng.IntN(2) == 0 {
			cancel()
		} else {
			time.AfterFunc(time.Duration(c.rng.IntN(100))*time.Microsecond, cancel)
		}
	}
	return of, end
}

// leave has nothing to undo.
func (s *chans) leave(*client) {}

// stuck tells whether no two of the operations can meet, and none has what it wants in a
// buffer.
func (s *chans) stuck(under []operation) bool {
	for i, a := range under {
		for _, k := range a.(*chanOp).cases {
			if s.ready(k) {
				return false
			}
			for _, b := range under[i+1:] {
				if slices.ContainsFunc(b.(*chanOp).cases, k.meets) {
					return false
				}
			}
		}
	}
	return true
}

// ready tells whether a case needs nobody else.
func (s *chans) ready(k chanCase) bool {
	n := s.ch[k.ch].Len()
	return s.closed[k.ch].Load() || k.send && n < s.limits[k.ch] || !k.send && n > 0
}

func (k chanCase) meets(other chanCase) bool { return k.ch == other.ch && k.send != other.send }

// help sends or receives if it can, and sometimes closes a channel.
func (s *chans) help(c *client) {
	i := c.rng.IntN(len(s.ch))
	switch c.rng.IntN(9) {
	case 0:
		s.close(c, i)
	case 1, 2, 3, 4:
		s.trySend(c, i)
	default:
		s.tryRecv(c, i)
	}
}
