package runq

// The submission queue: the way in for ordinary goroutines.
//
// The tension: a goroutine outside may submit a million tasks before any of them
// runs. A G for each would be two hundred megabytes, written by one processor long
// before another reads it. But a task that hasn't begun has no state: it is a
// function and what it inherits.
//
// So a submitted task is a small record in a chain of segments, and gets its G from
// the P that takes it, out of that P's free list, where it was used a moment ago
// and will be used again. A P takes a whole segment at a time: the lock is held for
// an exchange of pointers, and the records are turned into Gs outside of it.
//
// Invariant 7: a submission counts its task and queues it in one critical section,
// in which Close sets its flag too.

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// injectCap is how many records a segment holds: a quarter of a ring, so that what a
// P takes fits into its ring and is there for others to steal.
const injectCap = sx.RingCap / 4

// injected is a task that has been submitted and not been taken yet.
type injected struct {
	fn   func(*Task)
	efn  func(*Task) error
	env  *env
	id   uint64
	born int64
}

// injectSegment is a stretch of the queue.
type injectSegment struct {
	records    [injectCap]injected
	read, free int // records[read:free] are queued
	next       *injectSegment
}

// injection is the queue and what is decided under its lock.
type injection struct {
	mu      sx.Mutex
	closed  bool // guarded by mu; see close.go
	drained bool // guarded by mu; closed, and no task lives any more

	head, tail *injectSegment // guarded by mu; nil when the queue is empty
	spare      *injectSegment // guarded by mu; a chain
	nextID     uint64         // guarded by mu; like a P's
	lastID     uint64
	spawned    uint64 // guarded by mu; tasks submitted

	// size is the number of queued records; written under mu, read by anyone. Partner:
	// the re-check of an M that goes to sleep.
	size sx.Int64
}

// submit queues a task for fn or efn. It returns false when the scheduler is
// closed. What belongs to a Group is taken for as long as any task lives, since it
// may come from one.
func (s *Scheduler) submit(e *env, fn func(*Task), efn func(*Task) error) bool {
	_, grouped := e.owner.(*Group)
	q := &s.inject
	q.mu.Lock()
	if q.drained || q.closed && !grouped {
		q.mu.Unlock()
		return false
	}
	if q.nextID == q.lastID {
		q.lastID = s.lastID.Add(idBatch)
		q.nextID = q.lastID - idBatch
	}
	q.nextID++
	r := q.push()
	r.fn, r.efn, r.env, r.id = fn, efn, e, q.nextID
	if s.cfg.Trace {
		r.born = s.coarse.Load()
	}
	q.spawned++
	q.size.Add(1)
	q.mu.Unlock()
	s.wake()
	return true
}

// push returns a new record at the end of the queue. The lock is held.
func (q *injection) push() *injected {
	seg := q.tail
	if seg == nil || seg.free == injectCap {
		seg = q.spare
		if seg == nil {
			seg = new(injectSegment)
		} else {
			q.spare, seg.next = seg.next, nil
		}
		if q.tail == nil {
			q.head = seg
		} else {
			q.tail.next = seg
		}
		q.tail = seg
	}
	seg.free++
	return &seg.records[seg.free-1]
}

// take removes and returns the first segment, or nil, and keeps done, an empty one
// that the caller has no more use for.
func (q *injection) take(done *injectSegment) *injectSegment {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done != nil {
		done.next, q.spare = q.spare, done
	}
	seg := q.head
	if seg == nil {
		return nil
	}
	q.head, seg.next = seg.next, nil
	if q.head == nil {
		q.tail = nil
	}
	q.size.Add(-int64(seg.free - seg.read))
	return seg
}

// takeOne removes the first record and tells whether there was one.
func (q *injection) takeOne() (r injected, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	seg := q.head
	if seg == nil {
		return r, false
	}
	r, seg.records[seg.read] = seg.records[seg.read], injected{}
	seg.read++
	q.size.Add(-1)
	if seg.read == seg.free {
		q.head = seg.next
		if q.head == nil {
			q.tail = nil
		}
		seg.read, seg.free = 0, 0
		seg.next, q.spare = q.spare, seg
	}
	return r, true
}

// each calls f for every queued record under the lock; f must be short.
func (q *injection) each(f func(*injected)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for seg := q.head; seg != nil; seg = seg.next {
		for i := seg.read; i < seg.free; i++ {
			f(&seg.records[i])
		}
	}
}

// admit gives a record its G. Owner of p only.
func (p *p) admit(r *injected) *Task {
	t := p.newTask()
	t.id, t.parent = r.id, 0
	t.fn, t.env = r.fn, r.env
	if r.efn != nil {
		t.efn, t.cold = r.efn, true
	}
	t.status = gRunnable
	t.born = r.born
	return t
}

// admitOne takes one submitted task, or returns nil.
func (p *p) admitOne() *Task {
	if p.s.inject.size.Load() == 0 {
		return nil
	}
	r, ok := p.s.inject.takeOne()
	if !ok {
		return nil
	}
	return p.admit(&r)
}

// admitBatch takes a segment of submitted tasks: the first is returned, the others
// go into p's ring, which must be empty. Owner of p only.
func (p *p) admitBatch() *Task {
	if p.s.inject.size.Load() == 0 {
		return nil
	}
	seg := p.s.inject.take(p.doneSegment)
	p.doneSegment = nil
	if seg == nil {
		return nil
	}
	records := seg.records[seg.read:seg.free]
	for i := range records[1:] {
		p.run.Put(&p.admit(&records[i+1]).node, &p.s.global)
	}
	first := p.admit(&records[0])
	clear(records)
	seg.read, seg.free = 0, 0
	p.doneSegment = seg
	return first
}

// info describes a task that has been submitted and not taken.
func (r *injected) info() TaskInfo {
	return TaskInfo{ID: r.id, Func: funcName(r.fn, r.efn), State: event.TaskRunnable}
}
