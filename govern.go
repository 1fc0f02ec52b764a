package runq

// How much background work may run.
//
// The tension: priorities of threads leave background work what nobody else wants, but
// that isn't always free. With a quota on the process's control group it is paid for with
// time that others get when the quota is used up: all of it stands still then. And work
// on one core can slow down another: caches, memory, hyper-threads, Go's garbage collector.
//
// The choice: background work has an allowance, in CPUs, that sysmon reckons anew every
// governEvery. The quota sets one, so that what others have used lately, at their worst,
// stays free. A latency target sets one: each time that it is missed the allowance is cut
// by a part, and as long as it is met it grows by a step, in small steps near the point at
// which it was cut last, so that it doesn't swing. The smaller of the two holds. It is
// kept by a bucket of time (bucket): a background task that has used more than came in is
// held back, asleep in its thread, at its next checkpoint; one that has no checkpoints
// when it ends, by the next.

import (
	"errors"
	"os"
	"time"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/cgroup"
	"github.com/runq-go/runq/internal/osthread"
	"github.com/runq-go/runq/internal/sx"
)

const (
	// governEvery is how often the allowance is reckoned: a tenth of a usual quota's
	// period. Reading a control group's account takes some 15 µs.
	governEvery = 10e6 // ns

	// bucketTime is for how long an allowance may be saved up: short against a period,
	// long against the time between two checkpoints.
	bucketTime = 5e6 // ns

	// holdMost bounds one sleep of who is held back: the allowance may have changed.
	holdMost = 10 * time.Millisecond

	// leastAllowed is the smallest allowance, in CPUs: background work goes on, if slowly.
	leastAllowed = 0.02
)

// bucket is time that background threads may use: it comes in at a rate, and is paid
// out for what they have used.
type bucket struct {
	limited sx.Bool // partner: holdBack
	mu      sx.Mutex
	rate    float64   // CPUs; guarded by mu
	saved   float64   // ns; negative: used in advance; guarded by mu
	at      int64     // when saved was true; guarded by mu
	limits  sx.Uint32 // how often there has come to be a limit; partner: holdBack
}

// set changes the rate; no limit for a negative one.
func (b *bucket) set(rate float64, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	if rate >= 0 && !b.limited.Load() {
		b.saved, b.at = 0, now
		b.limits.Add(1)
	}
	b.rate = rate
	b.limited.Store(rate >= 0)
}

// fill adds what has come in until now. b.mu is held.
func (b *bucket) fill(now int64) {
	b.saved = min(b.saved+float64(now-b.at)*b.rate, bucketTime*b.rate)
	b.at = now
}

// pay takes out the time that a thread has used, and returns how long it takes until there
// is any again. If the kernel has kept the thread to the rate already, there is no debt to speak of.
func (b *bucket) pay(used, now int64, kept bool) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	before := b.saved
	b.saved -= float64(used)
	if kept { // what others owe stays
		b.saved = max(b.saved, min(before, -bucketTime*b.rate))
	}
	if b.saved >= 0 || b.rate < 0 {
		return 0
	}
	return time.Duration(-b.saved/b.rate) + 1
}

// restrained lets a background task wait that mustn't run now. It reports whether it has
// waited, or is asked for something else, which the caller is to look at. It runs on the task's thread.
func (m *m) restrained() bool {
	if m.p.attn.Load()&attnAsked != 0 {
		return true
	}
	held := m.holdBack()
	return m.giveRoom() || held
}

// holdBack keeps a background task waiting that has used up the allowance. It runs on
// the task's thread, and reports whether that has slept, or should have but for what it is asked.
func (m *m) holdBack() (slept bool) {
	b := m.d.bucket
	for b != nil && b.limited.Load() {
		used, err := osthread.CPUTime(int(m.tid.Load()))
		if err != nil {
			return slept // unknown to a kernel that knew it when the domain was made
		}
		if n := b.limits.Load(); m.limit != n { // what it has used before there was a limit is free
			m.limit, m.paid = n, int64(used)
		}
		wait := b.pay(max(int64(used)-m.paid, 0), m.s.clock.Now(), m.s.group.keeps.Load() && m.grouped)
		m.paid = int64(used)
		if wait <= 0 {
			return slept
		}
		slept = true
		if !m.sleepHeldBack(min(wait, holdMost), event.ReasonHeldBack) {
			return slept
		}
	}
	return slept
}

// sleepHeldBack lets the thread sleep, with its task and its P. Meanwhile it touches neither:
// a stop of the world takes the P away, and the P's ring of events can be read. The class
// isn't charged for it. Who is asked for something else doesn't sleep: false.
func (m *m) sleepHeldBack(d time.Duration, why event.Reason) bool {
	s, t, p := m.s, m.curg, m.p
	if p.attn.Load()&attnAsked != 0 {
		return false
	}
	if p.events != nil {
		t.event(event.KindTaskBlocked, why, 0)
	}
	began := s.clock.Now()
	charged := p.turn.serves
	if charged {
		p.stretch(began)
		p.turn.since = 0 // partner: uncharged
	}
	m.heldBack.Store(true) // partner: retakeRunning, unseatRunning, ringRests, someoneWaits, computes
	s.clock.Pause(d)
	s.lock.Lock() // who has taken the ring for one that rests has read it
	m.heldBack.Store(false)
	s.lock.Unlock()
	now := s.clock.Now()
	if charged {
		p.turn.since = now
		p.turn.until += now - began
	}
	m.lookout.at += now - began
	if m.lookout.since != 0 {
		m.lookout.since += now - began
	}
	if p.events != nil {
		t.event(event.KindTaskUnblocked, event.ReasonNone, 0)
	}
	return true
}

// governor reckons the allowance. Sysmon owns it, but for what is said to be guarded by
// the scheduler's lock.
type governor struct {
	next    int64
	latency latencyControl
	quota   quotaControl
	probe   sx.Pointer[probe] // nil: there is no latency target, or no background work yet
	group   *cgroup.Group     // nil: none
	limitAt int64             // when it was read
	first   cgroup.Throttled

	why event.Reason // of the limit that there is, or was last

	allowed   float64          // in CPUs, negative: no limit; guarded by the lock
	limit     cgroup.Limit     // of the group, zero: none; written by sysmon, under the lock
	throttled cgroup.Throttled // since the beginning; guarded by the lock
	cpu       time.Duration    // that background threads have used; guarded by the lock
	gone      time.Duration    // the part of it of threads that have ended; guarded by the lock

	// The same of those threads that are to have more than what nobody else wants.
	promised, gonePromised time.Duration // guarded by the lock
}

// govern does what is due at the time now. It is sysmon's.
func (s *Scheduler) govern(now int64) {
	g := &s.gov
	if len(s.allDomains()) == 1 || now < g.next {
		return
	}
	g.next = now + governEvery
	used, promised := s.backgroundCPU()
	s.leases(now, promised)
	allowed, why := -1.0, event.ReasonNone
	if s.cfg.LatencyTarget > 0 {
		if w := s.latencyWindow(now); w != event.ReasonNone {
			why = w
		}
		if share := g.latency.share; share < 1 {
			allowed = share * float64(s.backgroundProcs())
		}
	}
	q := s.quotaAllowed(now, used)
	s.limitGroup(q, now)
	if q >= 0 && (allowed < 0 || q < allowed) {
		allowed, why = q, event.ReasonQuota
	}
	if allowed >= 0 {
		allowed = max(allowed, leastAllowed)
		if allowed >= float64(s.backgroundProcs()) {
			allowed = -1
		}
	}
	s.group.keeps.Store(why == event.ReasonQuota && s.group.limited()) // partner: holdBack
	s.allow(allowed, why, now)
}

// allow sets the allowance and tells of it if it has changed by more than a hair.
func (s *Scheduler) allow(allowed float64, why event.Reason, now int64) {
	const hair = 0.01
	s.bucket.set(allowed, now)
	s.lock.Lock()
	old := s.gov.allowed
	changed := (old < 0) != (allowed < 0) || max(old-allowed, allowed-old) > hair
	if changed {
		s.gov.allowed = allowed
	}
	s.lock.Unlock()
	if !changed {
		return
	}
	switch {
	case why != event.ReasonNone:
		s.gov.why = why
	case s.gov.why == event.ReasonLatencyMissed: // it had to be that, and is no more
		s.gov.why = event.ReasonLatencyMet
	}
	arg := ^uint64(0)
	if allowed >= 0 {
		arg = uint64(allowed * 1e6)
	}
	s.eventS(event.KindShareChanged, s.gov.why, arg)
}

// backgroundProcs returns how many background tasks may run at once.
func (s *Scheduler) backgroundProcs() (n int) {
	for _, d := range s.allDomains() {
		if d.bucket != nil {
			n += len(d.seated())
		}
	}
	return n
}

// backgroundCPU adds up the CPU time of the background threads, and, of it, of those that are to
// have more than what nobody else wants.
func (s *Scheduler) backgroundCPU() (all, promised time.Duration) {
	s.lock.Lock()
	defer s.lock.Unlock()
	g := &s.gov
	all, promised = g.gone, g.gonePromised
	for _, m := range s.allm {
		if m.d.bucket == nil {
			continue
		}
		used := m.cpuTime()
		all += used
		if !m.d.bound.idle {
			promised += used
		}
	}
	g.cpu, g.promised = max(g.cpu, all), max(g.promised, promised)
	return g.cpu, g.promised
}

// cpuTime is that of an M's own thread, 0 if it hasn't begun.
func (m *m) cpuTime() time.Duration {
	tid := int(m.tid.Load()) // partner: mainBound
	if tid == 0 {
		return 0
	}
	used, err := osthread.CPUTime(tid)
	if err != nil {
		return 0 // it has just ended
	}
	return used - m.before
}

// quotaAllowed returns what the quota leaves for background work, negative for anything.
func (s *Scheduler) quotaAllowed(now int64, background time.Duration) float64 {
	g := &s.gov
	if now-g.limitAt >= limitEvery || g.limitAt == 0 {
		s.readLimitNow(now)
	}
	if g.limit.Period == 0 {
		return -1
	}
	used, err := g.group.Usage()
	if errors.Is(err, errors.ErrUnsupported) {
		used, err = osthread.ProcessCPUTime()
	}
	if err != nil && g.quota.n == 0 {
		return -1 // it has never been known
	}
	if err == nil {
		g.quota.left = g.quota.step(now, used, background, g.limit)
	}
	return g.quota.left // of before, if nobody knows
}

// readLimitNow does what is due every limitEvery.
func (s *Scheduler) readLimitNow(now int64) {
	s.gov.limitAt = now
	s.readLimit()
	followLimit()
}

// limitDue returns when the control group's limit is to be read next although nothing goes
// on: GOMAXPROCS would follow it, if it weren't raised. 0: that is nobody's business.
func (s *Scheduler) limitDue() int64 {
	if s.headroom.Load() == 0 || s.gov.limitAt == 0 {
		return 0
	}
	return s.gov.limitAt + limitEvery
}

// readLimit reads the control group's limit, and how often it was throttled.
func (s *Scheduler) readLimit() {
	g := &s.gov
	limit, ok, err := cgroup.Limit{}, false, error(nil)
	if g.group != nil {
		limit, ok, err = g.group.Limit()
	}
	if g.group == nil || err != nil { // the process may be in another group by now
		if g.group, err = cgroup.Find(os.DirFS("/")); err != nil {
			g.group = nil
			s.setLimit(cgroup.Limit{})
			return
		}
		limit, ok, err = g.group.Limit()
		g.first, _ = g.group.Throttled()
	}
	if err != nil || !ok {
		limit = cgroup.Limit{}
	}
	s.setLimit(limit)
	if th, err := g.group.Throttled(); err == nil {
		s.lock.Lock()
		g.throttled = th.Since(g.first)
		s.lock.Unlock()
	}
}

// setLimit notes the control group's limit.
func (s *Scheduler) setLimit(l cgroup.Limit) {
	s.lock.Lock()
	s.gov.limit = l
	s.lock.Unlock()
}

// quotaControl works out what a quota leaves.
type quotaControl struct {
	samples [quotaSamples]quotaSample // the latest ones, in a ring
	n       int
	left    float64 // what step has returned last
}

// quotaSample is what was used until a moment: by all, and by background work.
type quotaSample struct {
	at               int64
	used, background time.Duration
}

const (
	// quotaSamples is how many are kept: for quotaLookBack, the longest period there is
	// (a second) and a bit.
	quotaSamples = 256

	// quotaLookBack is for how long the others' use of a period counts after it: their
	// next peak will be like those of the last second.
	quotaLookBack = int64(time.Second)

	// quotaReserve is the part of a quota that is left free besides: others may want
	// more than they have wanted so far, and background work has been noticed late.
	quotaReserve = 0.1
)

// step notes what has been used until now, and returns the CPUs that background work may
// use: what is left of the quota by the most that others have used in one of its periods,
// lately.
func (q *quotaControl) step(now int64, used, background time.Duration, limit cgroup.Limit) float64 {
	q.samples[q.n%quotaSamples] = quotaSample{now, used, background}
	q.n++
	peak := 0.0
	first := max(0, q.n-quotaSamples)
	for i, j := first, first; i < q.n; i++ {
		from := q.samples[i%quotaSamples]
		for j < q.n-1 && q.samples[j%quotaSamples].at-from.at < int64(limit.Period) {
			j++
		}
		to := q.samples[j%quotaSamples] // the latest, if a period isn't over yet
		if now-to.at > quotaLookBack {
			continue
		}
		others := (to.used - from.used) - (to.background - from.background)
		peak = max(peak, float64(others)/float64(max(to.at-from.at, int64(limit.Period))))
	}
	return max(limit.CPUs()*(1-quotaReserve)-peak, 0)
}
