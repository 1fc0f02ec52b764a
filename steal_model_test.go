//go:build model

package runq

import (
	"fmt"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
	"github.com/runq-go/runq/internal/timerheap"
)

// steppingClock is a clock for checked executions: every look at it takes a while,
// so that something grows old.
type steppingClock struct {
	stillClock
	now, step int64
}

func (c *steppingClock) Now() int64 {
	c.now += c.step
	return c.now
}

func (c *steppingClock) Pause(time.Duration) { sx.Gosched() }

// stepping returns a clock by which three looks at a next slot make it old.
func stepping() clock { return &steppingClock{step: nextAge / 2} }

// bare are tasks that are passed around and never run.
type bare struct {
	d   *driver
	all []*Task
	had map[*Task]string
	put map[*Task]int64 // when it was readied
}

func newBare(d *driver, n int) *bare {
	b := &bare{d: d, had: make(map[*Task]string), put: make(map[*Task]int64)}
	for range n {
		b.all = append(b.all, &Task{status: gWaiting, e: entry{env: d.s.detached}})
	}
	return b
}

// got notes that who has got the task in e.
func (b *bare) got(who string, e *entry) {
	t := e.g()
	if t == nil || t.status != gRunnable {
		b.d.x.Failf("%s has got no runnable task: %+v", who, *e)
	}
	if by, ok := b.had[t]; ok {
		b.d.x.Failf("%s has got a task that %s has had", who, by)
	}
	b.had[t] = who
	*e = entry{}
}

// settle takes what is left in the queues: every task must have been had once.
func (b *bare) settle() {
	b.d.x.Join()
	for _, m := range b.d.ms {
		for m.pick(&m.found) {
			b.got("the end", &m.found)
		}
	}
	if len(b.had) != len(b.all) {
		b.d.x.Failf("%d of %d tasks are lost", len(b.all)-len(b.had), len(b.all))
	}
	b.d.settle()
}

// TestModelNextAge: the owner of a next slot puts and takes tasks while two thieves
// look at it. None is lost or had twice. 47,000 schedules with up to three
// preemptions, a second.
func TestModelNextAge(t *testing.T) {
	want := []string{"stolen old", "displaced", "not stolen"}
	checkDriven(t, 3, 3, stepping, want, func(d *driver) {
		b := newBare(d, 3)
		model.Name(&d.ms[0].p.next, "next")
		d.x.Go("owner", func() {
			m := d.ms[0]
			for i, t := range b.all {
				d.s.ready(m, t, event.ReasonWakeTask)
				if m.p.run.RingLen() > 0 {
					d.seen["displaced"]++
				}
				if i == 1 && m.pick(&m.found) {
					b.got("the owner", &m.found)
				}
			}
		})
		for i := 1; i <= 2; i++ {
			d.x.Go("thief", func() { b.stealNext(d.ms[i], 3) })
		}
		b.settle()
	})
}

// stealNext looks at the next slot of the first P up to n times.
func (b *bare) stealNext(m *m, n int) {
	victim := b.d.ms[0].p
	for range n {
		if g := m.stealNext(victim); g != nil {
			b.d.seen["stolen old"]++
			e := begun(g)
			b.got("a thief", &e)
			return
		}
	}
	b.d.seen["not stolen"]++
}

// TestModelNextYoung: a thief doesn't take a task from a slot that has been filled
// less than nextAge ago because it has seen another one there before. 14,000 schedules with up to four preemptions, less than a second.
func TestModelNextYoung(t *testing.T) {
	want := []string{"stolen", "stolen after another one was seen"}
	checkDriven(t, 4, 2, stepping, want, func(d *driver) {
		b := newBare(d, 3)
		m, thief := d.ms[0], d.ms[1]
		clk := d.s.clock.(*steppingClock)
		d.x.Go("owner", func() {
			for _, t := range b.all {
				b.put[t] = clk.now
				d.s.ready(m, t, event.ReasonWakeTask)
				if m.pick(&m.found) {
					b.got("the owner", &m.found)
				}
			}
		})
		d.x.Go("thief", func() {
			others := false
			for range 6 {
				before := thief.aged
				g := thief.stealNext(m.p)
				if g == nil {
					if thief.aged.since != before.since {
						others = others || before.p != nil
					}
					continue
				}
				if clk.now-b.put[g] < nextAge {
					d.x.Failf("stolen after %d ns", clk.now-b.put[g])
				}
				d.seen["stolen"]++
				if others {
					d.seen["stolen after another one was seen"]++
				}
				e := begun(g)
				b.got("the thief", &e)
			}
		})
		b.settle()
	})
}

// TestModelTimersStolen: a thief runs the due timers of a victim, whose tasks it
// readies on its own P, where another thief takes them. A thief that goes away empty
// leaves nothing behind, and every task is had once. 21,000 schedules with up to three
// preemptions, less than a second.
func TestModelTimersStolen(t *testing.T) {
	want := []string{"robbed of the latest", "both by one", "by two", "found nothing"}
	checkDriven(t, 3, 3, stepping, want, func(d *driver) {
		b := newBare(d, 2)
		victim, nodes := d.ms[0].p, new([2]timerheap.Node)
		for i, t := range b.all {
			d.ms[0].addTimer(&nodes[i], t, 1)
		}
		d.x.Go("thief 1", func() { b.rob(d.ms[1], "thief 1", victim) })
		d.x.Go("thief 2", func() {
			b.rob(d.ms[2], "thief 2", victim)
			for range 3 {
				b.rob(d.ms[2], "thief 2", d.ms[1].p)
			}
		})
		b.settle()
		switch one, two := b.had[b.all[0]], b.had[b.all[1]]; {
		case one == two:
			d.seen["both by one"]++
		default:
			d.seen["by two"]++
		}
	})
}

// rob steals from the victim as in the last round, and runs what it gets.
func (b *bare) rob(m *m, who string, victim *p) {
	if !m.stealFrom(&m.found, victim, true) {
		b.d.seen["found nothing"]++
		if n := m.p.run.RingLen(); n > 0 || m.p.next.Peek() != nil {
			b.d.x.Failf("%s has found nothing and has %d tasks in its ring", who, n)
		}
		return
	}
	if victim == b.d.ms[0].p && m.p.next.Peek() == nil && m.p.run.RingLen() == 0 && m.p.c.wakes == 2 {
		b.d.seen["robbed of the latest"]++
	}
	b.got(who, &m.found)
	for m.pick(&m.found) {
		b.got(who, &m.found)
	}
}

// TestModelTogether: of two tasks none ends before both have begun. One M was woken
// for both: it must wake another when it finds work, or a P stays idle. 150,000
// schedules with up to two preemptions, 5 s.
func TestModelTogether(t *testing.T) {
	seen := make(outcomes)
	r := checkTimed(t, model.Config{Preemptions: 2}, Config{Procs: 2, StealOrder: upward{}}, still, func(x *model.Execution, s *Scheduler) {
		var both sx.WaitGroup
		both.Add(2)
		for range 2 {
			s.normal.queue.Lock()
			s.normal.admit.spawned++
			s.normal.queue.PutLocked(fresh(func(t *Task) {
				both.Done()
				both.Wait()
			}, s.detached))
			s.normal.queue.Unlock()
		}
		s.fore.wake()
		both.Wait()
		seen[fmt.Sprint(s.lastM, " Ms")]++
	})
	seen.want(t, r, "2 Ms")
}
