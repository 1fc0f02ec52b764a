package torture

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/runq-go/runq"
)

// config is a runq.Config as a line of text.
type config struct {
	procs    int
	slice    time.Duration
	overruns int
	blocked  int
	trace    int // bytes of ring; 0: no trace
	order    string
}

// plainConfig is the simplest: what shrinking leads to.
var plainConfig = config{procs: 1, slice: 10 * time.Millisecond, order: "random"}

// orders are the orders of stealing, by name.
var orders = map[string]runq.StealOrder{
	"random": nil,
	"upward": order{step: 1},
	"common": order{step: 2},  // has a common factor with an even number of Ps
	"wild":   order{start: 7}, // a step of 0, and a start beyond the last P
}

var orderNames = [...]string{"random", "upward", "common", "wild"}

// order implements runq.StealOrder.
type order struct{ start, step int }

func (o order) Order(n, thief int, _ uint32) (start, step int) { return thief + o.start*n, o.step }

// randomConfig returns the i-th configuration for a seed.
func randomConfig(seed uint64, i int) config {
	r := rand.New(rand.NewPCG(seed, 2+uint64(i)))
	c := config{
		procs:    1 + r.IntN(8),
		slice:    100 * time.Microsecond << r.IntN(8),
		overruns: []int{0, 0, -1, 1, 2}[r.IntN(5)],
		blocked:  []int{0, 0, 0, 1, 2, 10}[r.IntN(6)],
		trace:    []int{0, 64 << 10, 4 << 20, 4 << 20, 16 << 20}[r.IntN(5)],
		order:    orderNames[r.IntN(len(orderNames))],
	}
	c.slice = min(c.slice, 10*time.Millisecond)
	return c
}

// foreignWaits tells whether a task may wait for another one in a blocking call:
// with few of those allowed, they may keep all Ps for ever, as Config says.
func (c config) foreignWaits() bool { return c.blocked == 0 }

// nakedWaits tells whether it may do so outside of Block. Beyond MaxOverruns the
// scheduler has to look at all stacks to find out that a task waits, which it
// rations: with few overruns such waits take seconds each, and a program minutes.
func (c config) nakedWaits() bool {
	overruns := c.overruns
	if overruns == 0 {
		overruns = c.procs
	}
	return c.foreignWaits() && overruns >= manyOverruns
}

// manyOverruns is more than the tasks that wait so at once in most programs.
const manyOverruns = 4

func (c config) String() string {
	return fmt.Sprintf("procs=%d,slice=%v,overruns=%d,blocked=%d,trace=%d,order=%s", c.procs, c.slice, c.overruns, c.blocked, c.trace, c.order)
}

// parseConfig is the reverse of String.
func parseConfig(text string) (c config, err error) {
	var slice string
	_, err = fmt.Sscanf(splitCommas(text), "procs=%d slice=%s overruns=%d blocked=%d trace=%d order=%s", &c.procs, &slice, &c.overruns, &c.blocked, &c.trace, &c.order)
	if err == nil {
		c.slice, err = time.ParseDuration(slice)
	}
	if _, ok := orders[c.order]; err == nil && !ok {
		err = fmt.Errorf("there is no order %q", c.order)
	}
	if err != nil {
		return c, fmt.Errorf("-torture.config=%q: %v: it must look like %v", text, err, plainConfig)
	}
	return c, nil
}

func splitCommas(text string) string {
	b := []byte(text)
	for i := range b {
		if b[i] == ',' {
			b[i] = ' '
		}
	}
	return string(b)
}

// simpler returns the configurations that are a step simpler.
func (c config) simpler() (all []config) {
	try := func(change func(c *config)) {
		s := c
		change(&s)
		if s != c {
			all = append(all, s)
		}
	}
	try(func(c *config) { *c = plainConfig })
	try(func(c *config) { c.procs = 1 })
	try(func(c *config) { c.procs = min(c.procs, 2) })
	try(func(c *config) { c.slice = plainConfig.slice })
	try(func(c *config) { c.overruns = 0 })
	try(func(c *config) { c.blocked = 0 })
	try(func(c *config) { c.trace = 0 })
	try(func(c *config) { c.order = plainConfig.order })
	return all
}
