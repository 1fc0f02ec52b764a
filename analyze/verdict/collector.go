package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// markingShare is which part of the time the garbage collector may be marking. It
	// takes a quarter of the CPUs while it does.
	markingShare = 0.25

	// markings is how many collections there must be: one may be asked for.
	markings = 3

	// assistShare is which part of all Ps' time tasks may have to help it.
	assistShare = 0.05
)

// collector finds who keeps the garbage collector busy.
type collector struct {
	began   int64 // the present collection; -1: there is none
	count   int
	total   int64
	longest worst
	assists map[event.TaskID]int64 // when they began
	groups  tally[event.StringID, assist]
	helped  int64
}

type assist struct {
	times   int
	total   int64
	longest worst
	stack   event.StackID
}

func newCollector() *collector {
	return &collector{began: -1, assists: make(map[event.TaskID]int64), groups: make(tally[event.StringID, assist])}
}

func (c *collector) event(w *analyze.World, e *event.Event, t *analyze.Task) {
	switch e.Kind {
	case event.KindGCBegin:
		c.began = w.Now
	case event.KindGCEnd:
		c.end(w)
	case event.KindAssistBegin:
		if len(c.assists) < maxKeys {
			c.assists[e.Task] = w.Now
		}
	case event.KindAssistEnd:
		began, ok := c.assists[e.Task]
		delete(c.assists, e.Task)
		if !ok || t == nil {
			return
		}
		c.helped += w.Now - began
		if g := c.groups.of(t.Group); g != nil {
			g.times++
			g.total += w.Now - began
			g.longest.see(w.Now-began, began-w.Start)
			g.stack = t.Stack
		}
	}
}

func (c *collector) end(w *analyze.World) {
	if c.began < 0 {
		return
	}
	c.count++
	c.total += w.Now - c.began
	c.longest.see(w.Now-c.began, c.began-w.Start)
	c.began = -1
}

func (c *collector) findings(w *analyze.World) []Finding {
	length := float64(w.Now - w.Start)
	busy := c.count >= markings && float64(c.total) >= markingShare*length
	helped := float64(c.helped) >= assistShare*length*float64(max(procs(w), 1)) && c.helped > 0
	if !busy && !helped {
		return nil
	}
	f := Finding{
		Kind: GCPressure, Culprit: "the collector", What: "The garbage collector is at work for a large part of the time.",
		Threshold: fmt.Sprintf("it marks for %.0f%% of the time, in %d collections or more; or tasks help it for %.0f%% of all Ps' time",
			100*markingShare, markings, 100*assistShare),
		Evidence: []string{fmt.Sprintf("%d collections mark for %s in all, %.0f%% of the time; at most %s", c.count, analyze.Duration(c.total),
			100*float64(c.total)/max(length, 1), analyze.Duration(c.longest.value))},
		At: c.longest.at, Share: float64(c.total)/4 + float64(c.helped),
	}
	var group event.StringID
	var most *assist
	for g, a := range c.groups {
		if most == nil || a.total > most.total || a.total == most.total && g < group {
			group, most = g, a
		}
	}
	if most != nil {
		f.Culprit = w.GroupName(group)
		f.Evidence = append(f.Evidence, fmt.Sprintf("tasks had to help it for %s in all; %s most, %d times, for %s, at most %s",
			analyze.Duration(c.helped), f.Culprit, most.times, analyze.Duration(most.total), analyze.Duration(most.longest.value)))
	}
	return []Finding{f}
}
