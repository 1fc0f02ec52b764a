package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
)

// subject is an object that clients use.
type subject interface {
	// act does one random operation by c.
	act(c *client)

	// leave undoes what others may wait for c to undo. c is no task.
	leave(c *client)

	// stuck tells whether none of the operations that are under way can go on. All
	// clients that haven't ended are in one.
	stuck(under []operation) bool

	// help does something, by c, that lets somebody go on. c is no task.
	help(c *client)

	spec(h *history) spec
}

// stage is where histories take place: some schedulers, for one history at a time.
type stage struct {
	t          *testing.T
	schedulers []*runq.Scheduler
	patience   time.Duration // how long a history may stand still
}

// stageProcs are the numbers of Ps: one, where a task that is woken runs when its waker
// has left; as many as small machines have; and more, so that there is a search.
var stageProcs = []int{1, 2, 4}

func newStage(t *testing.T) *stage {
	t.Helper()
	g := &stage{t: t, patience: patience}
	for _, n := range stageProcs {
		s, err := runq.New(runq.Config{Procs: n})
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := s.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
		g.schedulers = append(g.schedulers, s)
	}
	return g
}

// run is one history while it takes place.
type run struct {
	*history
	stage    *stage
	subject  subject
	clients  []*client
	helper   *client
	haste    int           // before one in so many operations, a context is ended
	progress atomic.Int64  // calls and returns
	gaveUps  atomic.Int64  // operations
	broken   atomic.Bool   // an operation returned what makes no sense
	over     chan struct{} // closed when all clients have ended
}

// The size of a history. What is checked must fit into a search; more clients than Ps, so
// that some wait to run.
const (
	minClients = 2
	maxClients = 6
	minOps     = 10 // of each client
	maxOps     = 40
)

// perform lets clients use the subject until all have done their part, and returns the
// history. It returns false when that doesn't end.
func (g *stage) perform(seed uint64, s subject) (*run, bool) {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &run{history: newHistory(), stage: g, subject: s, over: make(chan struct{})}
	r.haste = 2 << rng.IntN(5)
	count := minClients + rng.IntN(maxClients-minClients+1)
	r.helper = r.newClient(count, seed)
	var all sync.WaitGroup
	for n := range count {
		r.clients = append(r.clients, r.newClient(n, seed))
	}
	for _, c := range r.clients {
		ops := minOps + rng.IntN(maxOps-minOps+1)
		all.Go(func() { c.live(ops) })
	}
	go func() { all.Wait(); close(r.over) }()
	return r, r.attend(rng)
}

func (r *run) newClient(n int, seed uint64) *client {
	return &client{run: r, n: n, rng: rand.New(rand.NewPCG(seed, uint64(n)+2))}
}

const (
	// glance is how often somebody looks whether all are stuck: some ten times as
	// long as an operation, and short beside a history.
	glance = 50 * time.Microsecond

	// patience is how long a stage's histories may stand still. It is no measure of
	// anything: long enough for the race detector on a machine that others use too.
	patience = 30 * time.Second
)

// attend looks at the clients until they have ended, and helps them when they can't go
// on. It returns false if they could go on and don't.
func (r *run) attend(rng *rand.Rand) bool {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		select {
		case <-r.over:
			return true
		case <-tick.C:
		}
		if rng.IntN(8) == 0 {
			s := r.stage.schedulers[rng.IntN(len(r.stage.schedulers))]
			if err := s.SetProcs(stageProcs[rng.IntN(len(stageProcs))]); err != nil {
				r.stage.t.Errorf("SetProcs: %v", err)
			}
		}
		now := r.progress.Load()
		if now != last {
			last, since = now, time.Now()
			continue
		}
		r.look()
		if under, all := r.underWay(); all && r.subject.stuck(under) && r.progress.Load() == now {
			r.relieve(rng)
		}
		if time.Since(since) > r.stage.patience || r.used.Load() > maxRecords/2 { // help doesn't help
			return false
		}
	}
}

// underWay returns the operations that are under way, and whether all clients that
// haven't ended are in one and may stay there: who gives up must come back unaided.
func (r *run) underWay() (ops []operation, all bool) {
	for _, c := range r.clients {
		if c.ended.Load() {
			continue
		}
		u := c.under.Load()
		if u == nil || c.may.Load().isOver() {
			return nil, false
		}
		ops = append(ops, u.op)
	}
	return ops, len(ops) > 0
}

// relieve lets somebody go on: by the end of a context, or by another call.
func (r *run) relieve(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		for _, i := range rng.Perm(len(r.clients)) {
			if r.clients[i].giveUp() {
				return
			}
		}
	}
	r.subject.help(r.helper)
}

// look finds out which operations wait. The state and the label that a cheap snapshot
// shows of a task may be of different operations. But no label comes twice: when the task
// waits, with the same label, in two snapshots, then the one of the states that was read
// between the two labels belongs to them.
func (r *run) look() {
	for _, s := range r.stage.schedulers {
		before := waiting(s)
		if len(before) == 0 {
			continue
		}
		now := waiting(s)
		at := r.stamp()
		for _, id := range now {
			if slices.Contains(before, id) {
				r.records[id].seen.CompareAndSwap(0, at)
			}
		}
	}
}

// waiting returns the operations whose tasks wait: a task's label is what it is in.
func waiting(s *runq.Scheduler) (ids []int) {
	for _, task := range s.SnapshotCheap().Tasks {
		if task.State != event.TaskWaiting {
			continue
		}
		if id, err := strconv.Atoi(task.Label); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// standstill describes a history that doesn't end.
func (r *run) standstill() string {
	var b strings.Builder
	for _, c := range r.clients {
		if u := c.under.Load(); u != nil {
			fmt.Fprintf(&b, "client %d is in %v, since %d\n", c.n, u.op, u.call)
		}
	}
	for _, s := range r.stage.schedulers {
		fmt.Fprintln(&b, s.SnapshotCheap())
	}
	stacks := make([]byte, 1<<20)
	fmt.Fprintf(&b, "%v%s", r.history, stacks[:runtime.Stack(stacks, true)])
	return b.String()
}
