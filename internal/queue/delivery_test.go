package queue

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// item is an entry of several words, as the engine's are, so that a torn one shows.
type item struct {
	id    int
	check int // the complement of id
	p     *int
}

// target is what all items refer to.
var target int

func newItem(id int) item { return item{id: id, check: ^id, p: &target} }

// delivery counts who has been delivered.
type delivery struct {
	seen     []atomic.Uint32 // by id
	total    atomic.Int64
	doubled  atomic.Int64
	hopeless atomic.Bool // it has taken far longer than it should: something is lost
}

// hangs is after how long a test gives up that waits for all to be delivered: far
// longer than any takes that passes.
const hangs = 30 * time.Second

func newDelivery(t *testing.T, n int) *delivery {
	d := &delivery{seen: make([]atomic.Uint32, n)}
	timer := time.AfterFunc(hangs, func() { d.hopeless.Store(true) })
	t.Cleanup(func() { timer.Stop() })
	return d
}

func (d *delivery) got(t *testing.T, it item) {
	if it.check != ^it.id || it.p != &target {
		t.Errorf("a torn entry: %+v", it)
		return
	}
	if n := d.seen[it.id].Add(1); n != 1 && d.doubled.Add(1) <= 5 { // a few tell enough
		t.Errorf("entry %d was delivered %d times", it.id, n)
	}
	d.total.Add(1)
}

// over tells whether as many have been delivered as there are, or never will be.
func (d *delivery) over() bool { return d.total.Load() >= int64(len(d.seen)) || d.hopeless.Load() }

// check fails the test for each entry that was lost, up to a few.
func (d *delivery) check(t *testing.T) {
	t.Helper()
	bad := 0
	for id := range d.seen {
		if d.seen[id].Load() == 0 && bad < 5 {
			t.Errorf("entry %d was lost", id)
			bad++
		}
	}
}

// crowd runs f in n goroutines.
func crowd(n int, f func(i int)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	return &wg
}

// short is n, or a tenth of it in short tests.
func short(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}
