package ring

import (
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/sx"
)

// Drain appends the events kept to dst, in the order in which they were
// recorded, and empties the recorder. Times need not be in order: events of
// tasks that never waited come late. lost is the number of events given up
// since the last Drain; recorded = returned + lost.
//
// If it isn't zero, the events begin with an [event.KindLost] that says so,
// at the time where the stretch with losses begins, and a second one, with Arg
// 0, where it ends. These two are not counted.
//
// The world must be stopped.
func (w *Writer) Drain(dst []event.Event) (events []event.Event, lost uint64) {
	oldest := w.newest - w.used + 1
	if oldest < 0 {
		oldest += len(w.begin)
	}
	lost = w.Lost() - w.lost
	mark := len(dst)
	if lost != 0 {
		dst = append(dst, event.Event{}, event.Event{}) // for the two marks
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
	if lost != 0 {
		end := event.Event{Kind: event.KindLost, Time: w.lastTime, P: event.NoP, M: event.NoM}
		if first < len(dst) {
			end.Time, end.P = dst[first].Time, place(dst[first:])
		}
		start := end
		start.Time, start.Arg = w.lastTime, lost
		dst[mark], dst[mark+1] = start, end
	}
	for i := first; i < len(dst); i++ {
		w.lastTime = max(w.lastTime, dst[i].Time)
	}
	w.lost += lost
	w.drained, w.kept = w.events, w.events
	w.reset()
	return dst, lost
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
			parent := event.TaskID(words[2]) - event.TaskID(ids) + idBias
			dst = decodeRan(dst, words, parent, base, p, m)
			words = words[ranWords:]
		case tagRan | tagWide, tagBegan | tagWide:
			if len(words) < wideWords {
				return dst
			}
			dst = decodeRan(dst, words, event.TaskID(words[3]), base, p, m)
			words = words[wideWords:]
		default:
			return dst
		}
	}
	return dst
}

// decodeRan appends the two or three events that a ran or began record stands
// for.
func decodeRan(dst []event.Event, r []uint64, parent event.TaskID, base int64, p event.PID, m event.MID) []event.Event {
	created := base + int64(r[0]>>32)
	start := base + int64(uint32(r[1]))
	end := base + int64(r[1]>>32)
	task := event.TaskID(r[2])
	dst = append(dst,
		event.Event{Time: created, Task: task, Arg: uint64(parent), Seq: 1, P: event.NoP, M: event.NoM, Kind: event.KindTaskCreated, Coarse: true},
		event.Event{Time: start, Task: task, Seq: 2, P: p, M: m, Kind: event.KindTaskStarted, Coarse: true})
	if r[0]&tagMask&^tagWide == tagRan {
		dst = append(dst,
			event.Event{Time: end, Task: task, Seq: 3, P: p, M: m, Kind: event.KindTaskFinished, Reason: event.ReasonEndReturn, Coarse: true})
	}
	return dst
}
