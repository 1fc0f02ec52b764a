package gotrace

import "github.com/runq-go/runq/event"

// task is what must be known of a goroutine.
type task struct {
	id     event.TaskID
	next   *task // in the table
	seq    uint32
	ran    bool         // it has been started
	assist bool         // it is helping the collector
	wait   event.Reason // why it waits
}

// taskTable finds goroutines by id. It is looked at for almost every event, and ids are
// given out in order, so that the low bits of an id choose a chain well enough.
type taskTable struct {
	slots []*task // a power of two of them
	count int
	free  []*task
}

// firstSlots is how many slots the table begins with: what a small program needs.
const firstSlots = 1 << 10

// get returns what is known of a goroutine: a new entry, if nothing is.
func (m *taskTable) get(id event.TaskID) *task {
	if len(m.slots) != 0 {
		for t := m.slots[int(id)&(len(m.slots)-1)]; t != nil; t = t.next {
			if t.id == id {
				return t
			}
		}
	}
	if m.count == len(m.slots) {
		m.grow()
	}
	var t *task
	if n := len(m.free); n != 0 {
		t = m.free[n-1]
		m.free = m.free[:n-1]
		*t = task{id: id}
	} else {
		t = &task{id: id}
	}
	m.put(t)
	m.count++
	return t
}

func (m *taskTable) put(t *task) {
	at := &m.slots[int(t.id)&(len(m.slots)-1)]
	t.next, *at = *at, t
}

func (m *taskTable) grow() {
	old := m.slots
	m.slots = make([]*task, max(2*len(old), firstSlots))
	for _, t := range old {
		for t != nil {
			next := t.next
			m.put(t)
			t = next
		}
	}
}

// remove forgets a goroutine that has ended.
func (m *taskTable) remove(t *task) {
	at := &m.slots[int(t.id)&(len(m.slots)-1)]
	for *at != t {
		at = &(*at).next
	}
	*at = t.next
	m.count--
	m.free = append(m.free, t)
}
