package main

import (
	"math/rand/v2"
	"sync"
	"time"
)

// The two kinds of requests.
const (
	kindEcho = iota
	kindJSON
	kinds
)

var kindNames = [kinds]string{"echo", "JSON"}

// A loadClock tells the time since the load began, and waits.
type loadClock interface {
	now() time.Duration
	// sleepUntil returns at that time or later, or earlier if the load is to end.
	sleepUntil(at time.Duration)
}

// A send is one request of the schedule: the moment at which it is due, whatever became of those before it.
type send struct {
	at   time.Duration
	kind int
	conn int // which of the connections of its kind
}

// A stream is the requests of one kind. Time is cut into slots, one for each request, and the request is due
// at a random moment of its slot: so the rate is exact, there are no bursts, and nothing that happens at
// regular times, as the end of a time slice, meets always or never a request. The connections take turns.
type stream struct {
	kind, rate, conns int // rate: a second
	random            *rand.Rand
	made              int
}

func (s *stream) next() send {
	at := (float64(s.made) + s.random.Float64()) / float64(s.rate)
	conn := s.made % s.conns
	s.made++
	return send{at: time.Duration(at * float64(time.Second)), kind: s.kind, conn: conn}
}

// A schedule is several streams in order of time. It is the same in every run: no mode of the demo is luckier
// than another.
type schedule struct {
	streams []*stream
	heads   []send // the next one of each stream
}

func newSchedule(streams ...*stream) *schedule {
	s := &schedule{streams: streams}
	for i, st := range streams {
		st.random = rand.New(rand.NewPCG(uint64(i), uint64(st.rate))) // any seed that never changes
		s.heads = append(s.heads, st.next())
	}
	return s
}

func (s *schedule) next() send {
	first := 0
	for i, h := range s.heads {
		if h.at < s.heads[first].at {
			first = i
		}
	}
	h := s.heads[first]
	s.heads[first] = s.streams[first].next()
	return h
}

// pace calls due for every request that is due before end, at its time or later, in order. It stops early when
// ended says so.
func pace(c loadClock, s *schedule, end time.Duration, ended func() bool, due func(send)) {
	for h := s.next(); h.at < end; h = s.next() {
		for c.now() < h.at {
			if ended() {
				return
			}
			c.sleepUntil(h.at)
		}
		due(h)
	}
}

// A lane is what the schedule knows of one connection. One request is under way at most; what falls due
// meanwhile waits, and since its latency counts from when it was due, the wait is part of it. A generator that
// counted from when it sent would leave out just the requests that the server's stall has delayed.
type lane struct {
	mu      sync.Mutex
	busy    bool
	current time.Duration   // when the one under way was due
	waiting []time.Duration // when those were due that fell due since
}

// due notes that a request is due, and tells whether to send it now. If not, answered will say so later.
func (l *lane) due(at time.Duration) (sendNow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		l.waiting = append(l.waiting, at)
		return false
	}
	l.busy, l.current = true, at
	return true
}

// answered notes that the request under way is answered. It returns when that was due, and whether to send
// the next one now.
func (l *lane) answered() (due time.Duration, sendNow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	due = l.current
	if len(l.waiting) == 0 {
		l.busy = false
		return due, false
	}
	l.current, l.waiting = l.waiting[0], l.waiting[1:]
	return due, true
}

// unanswered returns when those requests were due that have no answer.
func (l *lane) unanswered() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy {
		return nil
	}
	return append([]time.Duration{l.current}, l.waiting...)
}
