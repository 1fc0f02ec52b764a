package event

import "slices"

// Merge appends the events of several streams to dst as one stream, and
// returns the extended slice. Each stream holds what one writer wrote, in the
// order of writing.
//
// The result goes by time, under two conditions that come first:
//
//   - The events of one stream keep their order. A stream may hold events of
//     which the time is coarse, or that were written late; they don't overtake
//     what was written before them.
//   - The events of one task go by Seq, whatever their times say. So a stream
//     is held back while the next event of its next task is yet to come from
//     another one.
//
// At equal times, what gives something up goes before the rest; after that the
// earlier argument goes first.
//
// Where events of a task are missing between others, a [KindLost] with that
// task and their number goes before the next one that is there. A task of
// which the first event has a Seq above 1 began before these streams do: that
// is no loss. If streams contradict each other, so that none could go on, the
// one with the earliest event goes on nevertheless, as if what it waits for
// was lost.
//
// For n events it takes time in O(n log n) and memory for each task that has
// more to it than one uninterrupted run.
func Merge(dst []Event, streams ...[]Event) []Event {
	total := 0
	for _, s := range streams {
		total += len(s)
	}
	m := merger{streams: streams, out: slices.Grow(dst, total), index: make(map[TaskID]int32)}
	m.survey()
	for i, s := range streams {
		if len(s) != 0 {
			m.enter(int32(i))
		}
	}
	for total > 0 {
		if len(m.ready) == 0 {
			m.force()
		}
		i := m.pop()
		m.emit(m.streams[i][0])
		total--
		m.streams[i] = m.streams[i][1:]
		if len(m.streams[i]) != 0 {
			m.enter(i)
		}
	}
	return m.out
}

// merger is the state of one Merge.
type merger struct {
	streams [][]Event // what is left of each
	out     []Event
	ready   []int32 // a heap of the streams of which the next event may go
	held    []int32 // the streams that wait for an event of another one
	index   map[TaskID]int32
	tasks   []taskOrder
}

// taskOrder is what Merge knows of a task's events.
type taskOrder struct {
	first, last, count uint32
	prev               uint32   // the newest Seq that has gone out; 0: none
	held               int32    // streams that wait for this task
	seqs               []uint32 // if some are missing: those there are, in order, less those gone out
}

// survey finds out which events of each task there are.
func (m *merger) survey() {
	streams := m.streams
	m.streams = slices.Clone(streams) // they are consumed, and belong to the caller
	for _, s := range streams {
		for i := 0; i < len(s); i++ {
			if e := &s[i]; e.Seq == 1 && uninterrupted(s[i:]) {
				i += 2 // nothing can come between, nor be missing
			} else if e.Seq != 0 {
				m.task(e.Task).note(e.Seq)
			}
		}
	}
	gaps := false
	for i := range m.tasks {
		if t := &m.tasks[i]; t.last-t.first+1 != t.count {
			t.seqs = make([]uint32, 0, t.count)
			gaps = true
		}
	}
	if !gaps {
		return
	}
	for _, s := range streams {
		for i := range s {
			if t := m.known(s[i].Task); t != nil && t.seqs != nil && s[i].Seq != 0 {
				t.seqs = append(t.seqs, s[i].Seq)
			}
		}
	}
	for i := range m.tasks {
		slices.Sort(m.tasks[i].seqs)
	}
}

// uninterrupted reports whether s begins with the whole life of a task.
func uninterrupted(s []Event) bool {
	return len(s) >= 3 && s[2].Kind == KindTaskFinished && s[1].Seq == 2 && s[2].Seq == 3 &&
		s[1].Task == s[0].Task && s[2].Task == s[0].Task
}

// task returns the entry of a task, a new one if there is none. It is valid
// until the next call.
func (m *merger) task(id TaskID) *taskOrder {
	i, ok := m.index[id]
	if !ok {
		i = int32(len(m.tasks))
		m.index[id] = i
		m.tasks = append(m.tasks, taskOrder{})
	}
	return &m.tasks[i]
}

// known returns the entry of a task, nil if there is none.
func (m *merger) known(id TaskID) *taskOrder {
	if i, ok := m.index[id]; ok {
		return &m.tasks[i]
	}
	return nil
}

func (t *taskOrder) note(seq uint32) {
	if t.count == 0 || seq < t.first {
		t.first = seq
	}
	t.last = max(t.last, seq)
	t.count++
}

// next returns the Seq of the task's next event.
func (t *taskOrder) next() uint32 {
	switch {
	case len(t.seqs) != 0:
		return t.seqs[0]
	case t.prev == 0:
		return t.first
	}
	return t.prev + 1
}

// enter puts a stream that isn't empty where its next event belongs.
func (m *merger) enter(i int32) {
	e := &m.streams[i][0]
	if e.Seq != 0 {
		if t := m.known(e.Task); t != nil && e.Seq > t.next() {
			t.held++
			m.held = append(m.held, i)
			return
		}
	}
	m.push(i)
}

// emit lets an event go, and then the streams that waited for it.
func (m *merger) emit(e Event) {
	var t *taskOrder
	if e.Seq != 0 {
		t = m.known(e.Task)
	}
	if t == nil {
		m.out = append(m.out, e)
		return
	}
	if t.prev != 0 && e.Seq > t.prev+1 {
		m.out = append(m.out, Event{Time: e.Time, Coarse: e.Coarse, Kind: KindLost, Task: e.Task,
			Arg: uint64(e.Seq - t.prev - 1), P: NoP, M: NoM})
	}
	m.out = append(m.out, e)
	t.prev = max(t.prev, e.Seq)
	for len(t.seqs) != 0 && t.seqs[0] <= t.prev {
		t.seqs = t.seqs[1:]
	}
	if t.held != 0 {
		m.release(e.Task, t)
	}
}

// release lets the streams go on that may, now that task has got ahead.
func (m *merger) release(id TaskID, t *taskOrder) {
	kept := m.held[:0]
	for _, i := range m.held {
		if e := &m.streams[i][0]; e.Task == id && e.Seq <= t.next() {
			t.held--
			m.push(i)
		} else {
			kept = append(kept, i)
		}
	}
	m.held = kept
}

// force lets one of the held streams go on: all are held.
func (m *merger) force() {
	at := 0
	for k := range m.held {
		if m.before(m.held[k], m.held[at]) {
			at = k
		}
	}
	i := m.held[at]
	m.held = slices.Delete(m.held, at, at+1)
	m.known(m.streams[i][0].Task).held--
	m.push(i)
}

// before reports whether the next event of stream i goes before that of j.
func (m *merger) before(i, j int32) bool {
	a, b := &m.streams[i][0], &m.streams[j][0]
	if a.Time != b.Time {
		return a.Time < b.Time
	}
	if x, y := givesUp(a.Kind), givesUp(b.Kind); x != y {
		return x
	}
	return i < j
}

// givesUp reports whether someone else may need, at this very time, what the
// event gives up. It matters where one reading of the clock serves for several
// events.
func givesUp(k Kind) bool {
	switch k {
	case KindProcReleased, KindProcRetaken, KindTaskParked, KindTaskYielded, KindTaskUnblockedQueued, KindTaskFinished:
		return true
	}
	return false
}

// push and pop keep ready a binary heap: container/heap would allocate for
// each of its calls.
func (m *merger) push(i int32) {
	m.ready = append(m.ready, i)
	h := m.ready
	for k := len(h) - 1; k > 0; {
		up := (k - 1) / 2
		if !m.before(h[k], h[up]) {
			break
		}
		h[k], h[up] = h[up], h[k]
		k = up
	}
}

func (m *merger) pop() int32 {
	h := m.ready
	top := h[0]
	n := len(h) - 1
	h[0] = h[n]
	h = h[:n]
	m.ready = h
	for k := 0; ; {
		least := k
		for down := 2*k + 1; down <= 2*k+2 && down < n; down++ {
			if m.before(h[down], h[least]) {
				least = down
			}
		}
		if least == k {
			return top
		}
		h[k], h[least] = h[least], h[k]
		k = least
	}
}
