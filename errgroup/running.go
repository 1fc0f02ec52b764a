package errgroup

import (
	"sync"
	"unsafe"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/goid"
)

// A function of a group is a plain func() error: it has no *runq.Task to pass on,
// yet Go and Wait must know whether one of them calls, and which. So each function
// is entered here under the id of the goroutine that it runs on. A task stays on
// its goroutine from its first wait to its end, and no other task runs there
// meanwhile, so an entry holds for exactly as long as the function runs.

// running holds the functions that run now, of all groups.
var running registry

// shardCount keeps apart the Ms that enter functions at the same time: more than
// most machines have CPUs. A power of two, for the compiler's sake.
const shardCount = 64

// function is a function of a group while it runs; the zero value stands for an
// ordinary goroutine.
type function struct {
	task  *runq.Task
	group *Group
}

// registry maps the ids of goroutines to the functions on them. Ids are handed out in
// sequence, so their lowest bits spread them over the shards.
type registry struct {
	shards [shardCount]shard
}

type shard struct {
	mu        sync.Mutex
	functions map[uint64]function // guarded by mu; nil until first used

	// Fills the shard up to a pair of cache lines, which CPUs fetch together.
	_ [128 - unsafe.Sizeof(sync.Mutex{}) - unsafe.Sizeof(map[uint64]function{})]byte
}

func (r *registry) shard(id uint64) *shard { return &r.shards[id%shardCount] }

// add enters the function that runs on the goroutine id, until remove.
func (r *registry) add(id uint64, f function) {
	s := r.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.functions == nil {
		s.functions = make(map[uint64]function)
	}
	s.functions[id] = f
}

func (r *registry) remove(id uint64) {
	s := r.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.functions, id)
}

// caller returns the function that calls, the zero value if an ordinary goroutine
// does. It takes a microsecond or more (see goid.Get).
func (r *registry) caller() function {
	id := goid.Get()
	s := r.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.functions[id]
}
