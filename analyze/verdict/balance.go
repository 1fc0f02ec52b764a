package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// balanceWindow is over how long the length of queues is averaged: long enough that
	// others have had the time to steal.
	balanceWindow = 10e6

	// longQueue is how long a queue is on average that is worth stealing from, and
	// shortShare which part of it the shortest one has at most when it should have
	// stolen.
	longQueue  = 8
	shortShare = 0.1

	// unbalancedShare is which part of the recording must be so.
	unbalancedShare = 0.2

	// idleStretch is how long a P may be free beside a ready task: a thread has to be
	// woken, which takes up to some ten µs.
	idleStretch = 100e3

	// idleStretchRunq is the same for runq. It leaves a task to the one that has readied
	// it, which often waits next, until its sysmon has met it twice: 200 µs, while events
	// are recorded. Then a thread has to be woken.
	idleStretchRunq = 500e3

	// idleShare is which part of the recording must be so.
	idleShare = 0.05
)

// balance finds work in the wrong place: Ps that are free, or whose queues are empty,
// while others have too much.
type balance struct {
	window     int64   // when the present one began
	queued     []int64 // by P: its QueuedTime then
	windows    int
	unbalanced int
	worst      worst // the longest queue, times 1000
	long       event.PID

	domains  bool  // there are several; which P a ready task may have isn't known then
	since    int64 // since when a P is free and a task is ready
	beside   bool  // whether that is so
	idle     int64 // in all
	longIdle worst
}

func (b *balance) event(w *analyze.World) {
	if beside := w.Idle > 0 && w.Runnable > 0 && !w.Stopping && !b.domains; beside != b.beside {
		b.turn(w)
	}
	b.domains = b.domains || len(commonProcs(w)) < len(w.Procs)
	switch {
	case w.Events == 1:
		b.window = w.Now
	case w.Now-b.window >= balanceWindow:
		b.close(w)
	}
}

// close ends a window.
func (b *balance) close(w *analyze.World) {
	length := w.Now - b.window
	shortest, longest, p := int64(-1), int64(0), event.NoP
	for i, of := range commonProcs(w) {
		if i >= len(b.queued) {
			b.queued = append(b.queued, 0)
		}
		if of == nil {
			continue
		}
		now := of.QueuedTime(w)
		sum := now - b.queued[i]
		b.queued[i] = now
		if !of.Known {
			continue
		}
		if sum > longest {
			longest, p = sum, of.ID
		}
		if shortest < 0 || sum < shortest {
			shortest = sum
		}
	}
	b.windows++
	if longest >= longQueue*length && float64(shortest) <= shortShare*float64(longest) {
		b.unbalanced++
		if average := longest * 1000 / length; average > b.worst.value {
			b.worst, b.long = worst{average, b.window - w.Start}, p
		}
	}
	b.window = w.Now
}

// turn notes that a P has become free beside ready tasks, or that that is over.
func (b *balance) turn(w *analyze.World) {
	if took := w.Now - b.since; b.beside && took >= stretch(w) {
		b.idle += took
		b.longIdle.see(took, b.since-w.Start)
	}
	b.beside, b.since = !b.beside, w.Now
}

// commonProcs returns those of the Ps that aren't set apart for background threads, which
// tasks of other classes can't run on.
func commonProcs(w *analyze.World) []*analyze.Proc {
	if w.Info.Sort == "runq" && len(w.Procs) > event.DomainProcs {
		return w.Procs[:event.DomainProcs]
	}
	return w.Procs
}

// stretch returns how long a P may be free beside a ready task.
func stretch(w *analyze.World) int64 {
	if w.Info.Sort == "runq" {
		return idleStretchRunq
	}
	return idleStretch
}

func (b *balance) findings(w *analyze.World) (all []Finding) {
	length := float64(w.Now - w.Start)
	if b.unbalanced >= 3 && float64(b.unbalanced) >= unbalancedShare*float64(b.windows) {
		all = append(all, Finding{
			Kind: Imbalance, Culprit: b.long.String(), What: "Its queue is long, and that of another P is empty.",
			Threshold: fmt.Sprintf("%d tasks on average over %s, and a tenth of that in the shortest queue, for %.0f%% of the time", longQueue, analyze.Duration(balanceWindow), 100*unbalancedShare),
			Evidence:  []string{fmt.Sprintf("%d of %d stretches of %s; %.1f tasks on average in the worst one", b.unbalanced, b.windows, analyze.Duration(balanceWindow), float64(b.worst.value)/1000)},
			At:        b.worst.at, Share: float64(b.unbalanced) * balanceWindow,
		})
	}
	if float64(b.idle) >= idleShare*length && b.idle > 0 {
		all = append(all, Finding{
			Kind: IdleProcs, Culprit: "the scheduler, or the machine", What: "Ps are free while tasks are ready: their threads are woken late, or don't get a CPU.",
			Threshold: fmt.Sprintf("stretches of %s or more, %.0f%% of the recording in all", analyze.Duration(stretch(w)), 100*idleShare),
			Evidence:  []string{fmt.Sprintf("%s in all, at most %s", analyze.Duration(b.idle), analyze.Duration(b.longIdle.value))},
			At:        b.longIdle.at, Share: float64(b.idle),
		})
	}
	return all
}
