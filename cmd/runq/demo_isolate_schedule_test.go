package main

import (
	"slices"
	"testing"
	"time"
)

// A fakeClock goes only when somebody sleeps.
type fakeClock struct {
	at   time.Duration
	late time.Duration // how long every sleep takes too long
}

func (c *fakeClock) now() time.Duration { return c.at }

func (c *fakeClock) sleepUntil(at time.Duration) { c.at = at + c.late }

func never() bool { return false }

// twoStreams has rates that don't divide each other.
func twoStreams() *schedule {
	return newSchedule(&stream{kind: kindEcho, rate: 1000, conns: 32}, &stream{kind: kindJSON, rate: 70, conns: 16})
}

func TestSchedule(t *testing.T) {
	const length = 3 * time.Second
	var all []send
	for s := twoStreams(); ; {
		h := s.next()
		if h.at >= length {
			break
		}
		all = append(all, h)
	}
	if !slices.IsSortedFunc(all, func(a, b send) int { return int(a.at - b.at) }) {
		t.Error("the requests aren't in the order in which they are due")
	}
	for kind, want := range [kinds]struct{ rate, conns int }{{1000, 32}, {70, 16}} {
		n := 0
		for _, h := range all {
			if h.kind != kind {
				continue
			}
			slot := time.Second / time.Duration(want.rate)
			if first := time.Duration(n) * slot; h.at < first-time.Microsecond || h.at > first+slot+time.Microsecond {
				t.Errorf("%s request %d is due at %v, outside its slot, which begins at %v", kindNames[kind], n, h.at, first)
			}
			if h.conn != n%want.conns {
				t.Errorf("%s request %d is on connection %d, want %d: they take turns", kindNames[kind], n, h.conn, n%want.conns)
			}
			n++
		}
		if n != 3*want.rate {
			t.Errorf("%d %s requests are due in %v, want %d", n, kindNames[kind], length, 3*want.rate)
		}
	}
	again := twoStreams()
	for i, h := range all {
		if got := again.next(); got != h {
			t.Fatalf("request %d is %v in the second run, %v in the first: it must be the same in all", i, got, h)
		}
	}
}

func TestPace(t *testing.T) {
	for _, late := range []time.Duration{0, time.Microsecond, 40 * time.Millisecond} {
		c := &fakeClock{late: late}
		want := twoStreams()
		n := 0
		pace(c, twoStreams(), time.Second, never, func(got send) {
			if w := want.next(); got != w {
				t.Fatalf("late by %v: request %d is %v, want %v", late, n, got, w)
			}
			if c.now() < got.at || c.now() > got.at+late {
				t.Fatalf("late by %v: the request of %v comes at %v", late, got.at, c.now())
			}
			n++
		})
		if n != 1070 {
			t.Errorf("late by %v: %d requests, want 1070: a late one must not keep those after it", late, n)
		}
	}
}

// TestPaceEnds: what isn't due yet is given up, nothing else.
func TestPaceEnds(t *testing.T) {
	c := &fakeClock{}
	n := 0
	pace(c, twoStreams(), time.Hour, func() bool { return n == 5 }, func(send) { n++ })
	if n != 5 {
		t.Errorf("%d requests, want 5", n)
	}
}

func TestLane(t *testing.T) {
	var l lane
	if l.unanswered() != nil {
		t.Error("a new lane has requests without an answer")
	}
	if !l.due(1) || l.due(2) || l.due(3) {
		t.Error("want the first request sent, the others waiting")
	}
	if got, want := l.unanswered(), []time.Duration{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v without an answer, want %v", got, want)
	}
	for _, want := range []struct {
		due  time.Duration
		more bool
	}{{1, true}, {2, true}, {3, false}} {
		if due, more := l.answered(); due != want.due || more != want.more {
			t.Errorf("got %v, %v; want %v", due, more, want)
		}
	}
	if !l.due(4) {
		t.Error("the lane stays busy after its last answer")
	}
}

// TestStallCounts: a server that stands still for a second makes late all requests that were due in that
// second, not only the one that it kept.
func TestStallCounts(t *testing.T) {
	const stallFrom, stallTo = time.Second, 2 * time.Second
	var l lane
	r := newRecorder(0, 3*time.Second)
	c := &fakeClock{}
	kept := false
	answerAll := func(at time.Duration) {
		for more := true; more; {
			var due time.Duration
			due, more = l.answered()
			r.add(due, at)
		}
		kept = false
	}
	pace(c, newSchedule(&stream{rate: 100, conns: 1}), r.to, never, func(s send) {
		if kept && c.now() >= stallTo {
			answerAll(stallTo)
		}
		switch sendNow := l.due(s.at); {
		case sendNow && s.at >= stallFrom && s.at < stallTo:
			kept = true
		case sendNow:
			answerAll(c.now() + time.Millisecond)
		}
	})
	if n := r.all.TotalCount(); n != 300 {
		t.Fatalf("%d latencies, want 300", n)
	}
	var over int64
	for _, b := range r.all.Distribution() {
		if b.From >= int64(500*time.Millisecond) {
			over += b.Count
		}
	}
	if over != 50 {
		t.Errorf("%d requests took more than half a second, want 50: those due in the first half of the stall", over)
	}
}
