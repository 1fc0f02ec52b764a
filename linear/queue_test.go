package linear

// What specifications keep operations in. Both are values whose unused part is zero, so
// that equal ones are ==, as the states of a specification must be.

// place is where an operation waits: with one of its cases.
type place struct {
	id uint16
	of uint8 // the case
}

// places is a queue. What is behind its n places is zero, so that equal queues are ==.
type places struct {
	n  int
	at [(maxClients + 1) * chanCases]place
}

func (q *places) push(p place) {
	q.at[q.n] = p
	q.n++
}

// drop removes all places of an operation and tells whether there were any.
func (q *places) drop(id int) bool {
	kept := 0
	for _, p := range q.at[:q.n] {
		if p.id != uint16(id) {
			q.at[kept] = p
			kept++
		}
	}
	clear(q.at[kept:q.n])
	dropped := kept < q.n
	q.n = kept
	return dropped
}

// set is a small set of operations, in the order of their numbers.
type set struct {
	n  int
	at [maxClients + 1]uint16
}

func (s *set) add(id int) {
	i := s.n
	for ; i > 0 && s.at[i-1] > uint16(id); i-- {
		s.at[i] = s.at[i-1]
	}
	s.at[i] = uint16(id)
	s.n++
}

// drop removes an operation and tells whether it was there.
func (s *set) drop(id int) bool {
	for i, x := range s.at[:s.n] {
		if x == uint16(id) {
			copy(s.at[i:], s.at[i+1:s.n])
			s.n--
			s.at[s.n] = 0
			return true
		}
	}
	return false
}
