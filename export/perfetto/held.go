package perfetto

import (
	"maps"
	"slices"
)

// held is what has happened before the part of a recording begins that is to be written,
// as far as it matters then: the slices that are open, and the values of counters.
type held struct {
	until  uint64
	tracks map[uint64][]heldEvent
}

// heldEvent is an event of the trace.
type heldEvent struct {
	time uint64
	body []byte
}

func newHeld(until uint64) *held {
	return &held{until: until, tracks: make(map[uint64][]heldEvent)}
}

// add takes the event that the writer has built.
func (h *held) add(o *writer) {
	open := h.tracks[o.on]
	switch o.typ {
	case typeInstant:
		return
	case typeEnd:
		open = open[:max(len(open)-1, 0)]
	case typeCounter:
		open = append(open[:0], heldEvent{o.time, slices.Clone(o.body)})
	default:
		open = append(open, heldEvent{o.time, slices.Clone(o.body)})
	}
	if len(open) == 0 {
		delete(h.tracks, o.on)
	} else {
		h.tracks[o.on] = open
	}
}

// reach says what time it is: if the part begins that is to be written, what is held is
// written first, as if it had begun just then.
func (o *writer) reach(now uint64) {
	if o.held == nil || now < o.held.until {
		return
	}
	h := o.held
	o.held = nil
	for _, track := range slices.Sorted(maps.Keys(h.tracks)) {
		o.use(track)
		for _, e := range h.tracks[track] {
			o.time = h.until
			o.emit(packetTrackEvent, e.body, true)
		}
	}
}
