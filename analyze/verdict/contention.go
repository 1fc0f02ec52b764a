package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// convoyShare is how long tasks must wait for locks that are given back at one place,
	// added up, as a share of the recording's length: two are waiting at any time.
	convoyShare = 2

	// convoyWaits is how many waits there must be: a few are those of who waits for
	// others to end.
	convoyWaits = 50

	// stageShare is how long senders must wait for a group that receives, as a share of
	// the recording's length, and stageOwn how much of it that may itself wait for
	// channels at most: a stage that does isn't the slow one.
	stageShare = 0.3
	stageOwn   = 0.25

	// stageWaits is how many waits there must be.
	stageWaits = 20
)

// contention finds locks that many wait for, and slow stages of pipelines.
type contention struct {
	locks  tally[place, queued] // by who gave it back, and where
	stages tally[event.StringID, queued]
	own    tally[event.StringID, int64] // how long a group waits for channels
}

type queued struct {
	waits int
	total int64
	worst worst
	group event.StringID // of those who wait
	stack event.StackID
}

func (q *queued) add(w *analyze.World, d *analyze.Wait) {
	waited := d.Parts[analyze.PartEvent]
	q.waits++
	q.total += waited
	q.worst.see(waited, d.Began-w.Start)
	q.group, q.stack = d.Group, d.Stack
}

func newContention() *contention {
	return &contention{locks: make(tally[place, queued]), stages: make(tally[event.StringID, queued]), own: make(tally[event.StringID, int64])}
}

func (c *contention) wait(w *analyze.World, d *analyze.Wait) {
	switch d.Why.Reason {
	case event.ReasonWaitSync, event.ReasonWaitLock, event.ReasonWaitRLock, event.ReasonWaitCond, event.ReasonWaitSemaphore:
		if d.Waker == event.NoTask {
			return
		}
		if q := c.locks.of(place{d.WakerGroup, d.By}); q != nil {
			q.add(w, d)
		}
	case event.ReasonWaitChanSend, event.ReasonWaitChanRecv, event.ReasonWaitSelect:
		if ns := c.own.of(d.Group); ns != nil {
			*ns += d.Parts[analyze.PartEvent]
		}
		if d.Why.Reason == event.ReasonWaitChanSend && d.Waker != event.NoTask {
			if q := c.stages.of(d.WakerGroup); q != nil {
				q.add(w, d)
			}
		}
	}
}

func (c *contention) findings(w *analyze.World) []Finding {
	length := float64(w.Now - w.Start)
	by := make(map[place]*Finding)
	for at, q := range c.locks {
		if q.waits < convoyWaits || float64(q.total) < convoyShare*length {
			continue
		}
		by[at] = &Finding{
			Kind: Convoy, Culprit: w.GroupName(at.group), Place: analyze.Place(w.Symbols, at.stack),
			What:      "Others queue up for what it gives back there.",
			Threshold: fmt.Sprintf("%d waits, and %d tasks waiting on average", convoyWaits, convoyShare),
			Evidence: []string{fmt.Sprintf("%d waits, %s in all, at most %s: %.1f tasks waiting on average", q.waits, analyze.Duration(q.total),
				analyze.Duration(q.worst.value), float64(q.total)/length),
				fmt.Sprintf("last by %s, at %s", w.GroupName(q.group), analyze.Place(w.Symbols, q.stack))},
			At: q.worst.at, Share: float64(q.total),
		}
	}
	all := sorted(by)
	stages := make(map[event.StringID]*Finding)
	for group, q := range c.stages {
		own := int64(0)
		if ns := c.own[group]; ns != nil {
			own = *ns
		}
		if q.waits < stageWaits || float64(q.total) < stageShare*length || float64(own) > stageOwn*length {
			continue
		}
		stages[group] = &Finding{
			Kind: SlowStage, Culprit: w.GroupName(group), What: "Those who send to it wait for it, and it doesn't wait for anybody.",
			Threshold: fmt.Sprintf("%d waits to send to it, for %.0f%% of the recording in all, and less than %.0f%% of its own for channels", stageWaits, 100*stageShare, 100*stageOwn),
			Evidence: []string{fmt.Sprintf("%d waits, %s in all, at most %s; its own are %s", q.waits, analyze.Duration(q.total), analyze.Duration(q.worst.value), analyze.Duration(own)),
				fmt.Sprintf("last by %s, at %s", w.GroupName(q.group), analyze.Place(w.Symbols, q.stack))},
			At: q.worst.at, Share: float64(q.total),
		}
	}
	return append(all, sorted(stages)...)
}
