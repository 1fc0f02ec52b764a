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
	locks  tally[place, queued] // by who had it, and where it was given back
	stages tally[event.StringID, queued]
	own    tally[event.StringID, int64] // how long a group waits for channels
	had    map[event.TaskID]blame       // of each task's last wait for a lock
}

// blame is who had the lock during a wait, the last one first. Who gives a lock to the next
// in the queue may have had it for a moment only, having waited itself for the one that had
// it for long; so a wait is divided among all of them.
type blame struct {
	began, ready int64 // of the wait
	n            int
	parts        [blameDepth]blamed
}

type blamed struct {
	place
	ns int64
}

const (
	// blameDepth is how many that had a lock one after the other are told apart in one
	// wait; what was before them counts for the first of them.
	blameDepth = 8

	// blameTasks is for how many tasks it is kept: those that wait for locks at a time.
	// With more, all is forgotten, and waits count for those who end them.
	blameTasks = 1 << 14
)

// blameFor divides the wait d: back to when its waker got the lock it was the waker's, and
// before that of those whom the waker has waited for.
func (c *contention) blameFor(d *analyze.Wait) (b blame) {
	b.began, b.ready = d.Began, d.Ready
	waker, ok := c.had[d.Waker]
	since := d.Began
	if ok && waker.ready <= d.Ready {
		since = max(since, waker.ready)
	}
	b.add(place{d.WakerGroup, d.By}, d.Ready-since)
	at := since // what is left to be told of ends here
	for i := 0; i < waker.n && at > d.Began; i++ {
		ns := min(waker.parts[i].ns, at-d.Began)
		b.add(waker.parts[i].place, ns)
		at -= ns
	}
	b.parts[b.n-1].ns += at - d.Began
	return b
}

func (b *blame) add(at place, ns int64) {
	if b.n == blameDepth {
		b.parts[b.n-1].ns += ns
		return
	}
	b.parts[b.n] = blamed{at, ns}
	b.n++
}

// lockWait counts a wait for a lock: as a wait for whoever had the lock for most of it.
func (c *contention) lockWait(w *analyze.World, d *analyze.Wait) {
	b := c.blameFor(d)
	if len(c.had) >= blameTasks {
		clear(c.had)
	}
	c.had[d.Task] = b
	most := 0
	for i, part := range b.parts[:b.n] {
		if part.ns > b.parts[most].ns {
			most = i
		}
		if q := c.locks.of(part.place); q != nil {
			q.total += part.ns
		}
	}
	if q := c.locks.of(b.parts[most].place); q != nil {
		q.waits++
		q.worst.see(b.parts[most].ns, d.Began-w.Start)
		q.group, q.stack = d.Group, d.Stack
	}
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
	return &contention{locks: make(tally[place, queued]), stages: make(tally[event.StringID, queued]), own: make(tally[event.StringID, int64]), had: make(map[event.TaskID]blame)}
}

func (c *contention) wait(w *analyze.World, d *analyze.Wait) {
	switch d.Why.Reason {
	case event.ReasonWaitSync, event.ReasonWaitLock, event.ReasonWaitRLock, event.ReasonWaitCond, event.ReasonWaitSemaphore:
		if d.Waker == event.NoTask {
			return
		}
		c.lockWait(w, d)
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
		if group == 0 { // whoever it was began before the recording
			continue
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
