package analyze

import "github.com/runq-go/runq/event"

// taskMap finds tasks by id. It is looked at for every event, and ids are given out in
// order, so the plainest table does better than Go's map: the low bits of the id choose
// a chain.
type taskMap struct {
	slots []*Task // a power of two of them
	count int
}

// firstSlots is how many slots the map begins with: what a small program needs.
const firstSlots = 1 << 10

func (m *taskMap) get(id event.TaskID) *Task {
	if len(m.slots) == 0 {
		return nil
	}
	t := m.slots[m.slot(id)]
	for t != nil && t.ID != id {
		t = t.next
	}
	return t
}

func (m *taskMap) slot(id event.TaskID) int { return int(id) & (len(m.slots) - 1) }

// put adds a task that isn't there.
func (m *taskMap) put(t *Task) {
	if m.count == len(m.slots) {
		m.grow()
	}
	m.count++
	at := &m.slots[m.slot(t.ID)]
	t.next, *at = *at, t
}

func (m *taskMap) grow() {
	old := m.slots
	m.slots = make([]*Task, max(2*len(old), firstSlots))
	for _, t := range old {
		for t != nil {
			next := t.next
			at := &m.slots[m.slot(t.ID)]
			t.next, *at = *at, t
			t = next
		}
	}
}

// remove takes a task out that is there.
func (m *taskMap) remove(t *Task) {
	at := &m.slots[m.slot(t.ID)]
	for *at != t {
		at = &(*at).next
	}
	*at, t.next = t.next, nil
	m.count--
}

// all returns the tasks, in no order.
func (m *taskMap) all() []*Task {
	all := make([]*Task, 0, m.count)
	for _, t := range m.slots {
		for ; t != nil; t = t.next {
			all = append(all, t)
		}
	}
	return all
}
