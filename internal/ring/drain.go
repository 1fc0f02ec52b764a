package ring

import (
	"slices"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Drain appends the events kept to dst, in the order in which they were
// recorded, and empties the recorder. Times need not be in order: events of
// tasks that never waited come late. lost is the number of events given up
// since the last Drain; recorded = returned + lost.
//
// If it isn't zero, the events begin with an [event.KindLost] that says so,
// at the time where the stretch with losses begins. A second one, with Arg 0,
// stands where it ends: before the first exact event kept, or after all events
// when there is none. These two are not counted.
//
// The world must be stopped.
func (w *Writer) Drain(dst []event.Event) (events []event.Event, lost uint64) {
	w.settle()
	oldest := w.oldest()
	lost = w.Lost() - w.lost
	if lost != 0 {
		dst = append(dst, event.Event{}) // for the first mark
	}
	first := len(dst)
	for i := range w.used {
		n := (oldest + i) % len(w.begin)
		words := w.block(n)[:]
		if n == w.newest {
			words = words[:w.pos]
		}
		dst = decode(dst, words)
	}
	start := w.lastTime
	for i := first; i < len(dst); i++ {
		w.lastTime = max(w.lastTime, dst[i].Time)
	}
	if lost != 0 {
		dst[first-1] = event.Event{Kind: event.KindLost, Time: start, Arg: lost, P: place(dst[first:]), M: event.NoM}
		dst = w.closeGap(dst, first)
	}
	w.lost += lost
	w.drained, w.kept = w.events, w.events
	w.reset()
	return dst, lost
}

// closeGap puts the mark that ends a stretch with losses among dst[first:], the
// events kept. Nothing exact that was lost is later than the first exact event
// kept. A coarse one tells nothing: the task that it is of may have been created
// long before what was lost, and a mark with its time would let a reader believe
// too early that it knows again who holds which P.
//
// Nor does the mark go before the coarse events with a later time: these would be
// held back, and so would the events of other streams that are to follow them.
func (w *Writer) closeGap(dst []event.Event, first int) []event.Event {
	end := event.Event{Kind: event.KindLost, Time: max(w.lastTime, w.exact), P: place(dst[first:]), M: event.NoM}
	at := first
	for at < len(dst) && dst[at].Coarse {
		at++
	}
	if at < len(dst) {
		end.Time = dst[at].Time
	}
	return slices.Insert(dst, at, end)
}

// Lost returns how many events have been given up since New. Anyone may ask at any
// time; while the owner writes or somebody drains, the answer may be a little off.
func (w *Writer) Lost() uint64 {
	n := int64(sx.PeekUint64(&w.lost) + sx.PeekUint64(&w.kept) - sx.PeekUint64(&w.drained))
	return uint64(max(n, 0))
}

// place returns the P that a stream is of: the first that is known.
func place(events []event.Event) event.PID {
	for i := range events {
		if events[i].P != event.NoP {
			return events[i].P
		}
	}
	return event.NoP
}

// decode appends the events that the words of one block tell of. It stops at
// the first record that is not whole or has no known format.
func decode(dst []event.Event, words []uint64) []event.Event {
	var base int64
	p, m := event.NoP, event.NoM
	for len(words) > 0 {
		w := words[0]
		switch w & tagMask {
		case tagSync:
			if len(words) < syncWords {
				return dst
			}
			base = int64(words[1])
			p, m = event.PID(words[2]>>32), event.MID(words[2])
			words = words[syncWords:]
		case tagEvent, tagCoarse:
			if len(words) < eventWords {
				return dst
			}
			dst = append(dst, event.Event{
				Time: int64(words[1]), Task: event.TaskID(words[2]), Arg: words[3], Seq: uint32(w >> 32), P: p, M: m,
				Kind: event.Kind(w >> 8), Reason: event.Reason(w >> 16), Coarse: w&tagMask == tagCoarse,
			})
			words = words[eventWords:]
		case tagRan, tagBegan:
			if len(words) < ranWords {
				return dst
			}
			ids := words[0] >> tagBits & (1<<idBits - 1)
			task := event.TaskID(words[2] & (1<<moreShift - 1))
			parent := task - event.TaskID(ids) + idBias
			for range words[2]>>moreShift + 1 {
				dst = decodeRan(dst, words, task, parent, base, p, m)
				task++
			}
			words = words[ranWords:]
		case tagRan | tagWide, tagBegan | tagWide:
			if len(words) < wideWords {
				return dst
			}
			dst = decodeRan(dst, words, event.TaskID(words[2]), event.TaskID(words[3]), base, p, m)
			words = words[wideWords:]
		default:
			return dst
		}
	}
	return dst
}

// decodeRan appends the two or three events of a task that a ran or began record
// tells of.
func decodeRan(dst []event.Event, r []uint64, task, parent event.TaskID, base int64, p event.PID, m event.MID) []event.Event {
	created := base + int64(r[0]>>32)
	start := base + int64(uint32(r[1]))
	end := base + int64(r[1]>>32)
	dst = append(dst,
		event.Event{Time: created, Task: task, Arg: uint64(parent), Seq: 1, P: event.NoP, M: event.NoM, Kind: event.KindTaskCreated, Coarse: true},
		event.Event{Time: start, Task: task, Seq: 2, P: p, M: m, Kind: event.KindTaskStarted, Coarse: true})
	if r[0]&tagMask&^tagWide == tagRan {
		dst = append(dst,
			event.Event{Time: end, Task: task, Seq: 3, P: p, M: m, Kind: event.KindTaskFinished, Reason: event.ReasonEndReturn, Coarse: true})
	}
	return dst
}
