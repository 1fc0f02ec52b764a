package verdict

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

const (
	// manyBlocked is how many tasks may be in blocking calls at once: each has a thread,
	// and a thread takes memory, and a few µs for each switch. A program has a few at any
	// time, for signals and files.
	manyBlocked = 8

	// manyPerP is the same for each P, for large machines.
	manyPerP = 2
)

// threads finds who ties up threads in blocking calls.
type threads struct {
	most  int // blocked at once
	at    int64
	over  int64 // how long there were too many
	since int64 // since when there are
	many  bool  // there are

	// When so many were blocked as looked says, most of them were of this group.
	looked int
	group  event.StringID
	share  int // how many
	stack  event.StackID
}

// moreBlocked is by how much the number of those in calls must have grown for another look
// at who they are, which takes time.
const moreBlocked = 1.25

func newThreads() *threads { return new(threads) }

func (x *threads) limit(w *analyze.World) int { return max(manyBlocked, manyPerP*procs(w)) }

func (x *threads) event(w *analyze.World) {
	many := w.Blocked >= manyBlocked && w.Blocked >= x.limit(w)
	if many != x.many {
		if x.many {
			x.over += w.Now - x.since
		}
		x.many, x.since = many, w.Now
	}
	if !many || w.Blocked <= x.most {
		return
	}
	x.most, x.at = w.Blocked, w.Now-w.Start
	if float64(w.Blocked) >= moreBlocked*float64(x.looked) {
		x.look(w)
	}
}

// look finds out who is in calls now.
func (x *threads) look(w *analyze.World) {
	x.looked, x.share = w.Blocked, 0
	count := make(map[event.StringID]int)
	for _, t := range w.Tasks() {
		if t.State != event.TaskBlocked {
			continue
		}
		count[t.Group]++
		if n := count[t.Group]; n > x.share {
			x.group, x.share, x.stack = t.Group, n, t.Stack
		}
	}
}

func (x *threads) findings(w *analyze.World) []Finding {
	if x.many {
		x.over += w.Now - x.since
	}
	if x.most == 0 || isSystem(w, x.group) {
		return nil
	}
	return []Finding{{
		Kind: ThreadGrowth, Culprit: w.GroupName(x.group), Place: analyze.CallOf(w.Symbols, x.stack).Caller,
		What:      "Many tasks are in blocking calls at once, each on a thread of its own.",
		Threshold: fmt.Sprintf("%d at once", x.limit(w)),
		Evidence: []string{fmt.Sprintf("up to %d at once; when there were %d, %d of them were of this group; for %s there were too many",
			x.most, x.looked, x.share, analyze.Duration(x.over))},
		At: x.at, Share: float64(x.over),
	}}
}
