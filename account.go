package runq

// What classes have had: virtual time, and floors.
//
// A class's virtual time is the time that it has had on any P, divided by its weight; who
// is furthest behind is served (fair.go). That is only fair among classes that want what
// they could get. What a class couldn't use, because it had nothing to do or less to do
// than would fill all Ps, must not be kept for later, or it would have the Ps for itself
// until it is used up; and what it got because nobody else wanted it must not be held
// against it. The same goes for floors. So the difference to the others is bounded
// wherever one of these cases begins or ends: clamp, forfeit, spendFloor.

import (
	"github.com/runq-go/runq/internal/sx"
)

// vScale is how much virtual time a nanosecond makes at the weight 1: enough that what a
// class of the greatest weight runs in a microsecond still counts. Virtual times are
// compared by their difference, so that they may wrap around.
const vScale = 1 << 10

// account is what a class has had. Any P's M adds to it.
type account struct {
	weight  sx.Int64
	vtime   sx.Int64 // virtual time, without the turns that are under way
	ran     sx.Int64 // ns on Ps
	serving sx.Int32 // Ps that serve it at the moment

	// owed is what the class's floor has brought it less what it has run since it was
	// last without work, and since when: see due.
	floorSince sx.Int64 // 0: it is without work
	floorRan   sx.Int64 // ran, then
}

// virtual converts time on a P to virtual time.
func (a *account) virtual(ran int64) int64 { return ran * vScale / a.weight.Load() }

// charge notes that the class has run on a P.
func (a *account) charge(ran int64) {
	if ran > 0 {
		a.ran.Add(ran)
		a.vtime.Add(a.virtual(ran))
	}
}

// advance moves the class's virtual time up to v, unless it is there already.
func (a *account) advance(v int64) {
	for {
		old := a.vtime.Load()
		if old-v >= 0 || a.vtime.CompareAndSwap(old, v) {
			return
		}
	}
}

// credit is how far behind the others a class may be that has just got work: with the turn
// in which it catches up, it gets one slice before they do.
func (c *Class) credit() int64 { return c.virtual(c.slice - c.slice/turnsPerSlice) }

// due is by how many nanoseconds a class with work is below its floor at the time now.
func (c *Class) due(now int64) int64 {
	since := c.floorSince.Load()
	if c.cfg.Floor == 0 || since == 0 {
		return 0
	}
	owed := c.cfg.Floor * float64(now-since) * float64(len(c.d.seated()))
	return int64(owed) - (c.ran.Load() - c.floorRan.Load())
}

// beginFloor lets the class's floor count from now on, because it has work that had none.
func (c *Class) beginFloor(now int64) {
	if c.cfg.Floor != 0 {
		c.floorRan.Store(c.ran.Load())
		c.floorSince.Store(now)
	}
}

// spendFloor is called when the class's turn has come. If that isn't due to its floor, then
// no more than a slice of what it has had beyond that counts: it must not fall short of it
// later, because once there was enough for all. And what it is owed isn't kept for long:
// nobody is to stand still for what was missed a minute ago, or reckoned with other Ps.
func (c *Class) spendFloor(now int64) {
	if c.cfg.Floor == 0 {
		return
	}
	old, due := c.floorRan.Load(), c.due(now)
	most := int64(c.cfg.Floor*float64(len(c.d.seated()))*leaseMemory) + c.slice
	switch {
	case -due > c.slice:
		c.floorRan.CompareAndSwap(old, old-due-c.slice) // or else somebody has just done it
	case due > most:
		c.floorRan.CompareAndSwap(old, old-(due-most))
	}
}

// vnow is the class's virtual time, turns under way included.
func (c *Class) vnow(now int64) int64 { return c.vtime.Load() + c.virtual(c.uncharged(now)) }

// uncharged is the time of turns under way that the class hasn't been charged for.
func (c *Class) uncharged(now int64) (ns int64) {
	for _, p := range c.d.seated() {
		if p.servedClass() == c {
			if since := sx.PeekInt64(&p.turn.since); since != 0 {
				ns += max(now-since, 0)
			}
		}
	}
	return ns
}

// clamp moves the class's virtual time to at most its credit behind the class that is
// furthest behind of those with work. If there is none, then behind the one that is
// furthest ahead: what that had when nobody else wanted it isn't held against it.
func (c *Class) clamp(now int64) {
	c.beginFloor(now)
	least, most, any := int64(0), c.vtime.Load(), false
	for _, o := range *c.d.classes.Load() {
		if o == c {
			continue
		}
		v := o.vnow(now)
		if v-most > 0 {
			most = v
		}
		if o.serving.Load() == 0 && o.queued() == 0 {
			continue
		}
		if !any || v-least < 0 {
			least, any = v, true
		}
	}
	if !any {
		least = most
	}
	if v := c.vtime.Load(); c.serving.Load() == 0 && v-least > farAhead {
		c.vtime.CompareAndSwap(v, least) // it has slept for so long that the difference has turned round
	}
	c.advance(least - c.credit())
}

// farAhead is more than a class can be ahead of another: months of a P's time.
const farAhead = 1 << 62

// forfeit is called when p begins to serve the class. Others that are further behind have
// nothing that p could run: all that they have runs elsewhere. They keep as much of what
// they can't use as if they had slept.
func (c *Class) forfeit(p *p, now int64) {
	v := c.vtime.Load()
	for _, o := range *c.d.classes.Load() {
		if o == c || o.serving.Load() == 0 || o.hasWork(p) {
			continue
		}
		// A difference is added, so only one of several Ms that come here at once may.
		old := o.vtime.Load()
		if lag := v - o.credit() - o.vnow(now); lag > 0 {
			o.vtime.CompareAndSwap(old, old+lag)
		}
		if o.cfg.Floor != 0 {
			old := o.floorRan.Load()
			if lag := o.due(now) - o.uncharged(now) - o.slice; lag > 0 {
				o.floorRan.CompareAndSwap(old, old-lag)
			}
		}
	}
}
