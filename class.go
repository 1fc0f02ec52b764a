package runq

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/runq-go/runq/internal/queue"
	"github.com/runq-go/runq/internal/sx"
)

// Class is a set of tasks that are scheduled alike. Classes that have work share the Ps
// by weight: over any time that is long against their slices, a class with twice the
// weight of another gets twice its time, on all Ps together. A class that has nothing
// to do takes no part, and doesn't save up time for later: when it has work again, it
// gets at most one slice ahead of the others.
//
// A class with work waits at most about
//
//	(other classes' weights / its weight) × its slice / Procs + the longest slice of another
//
// before it gets a P. Tasks that don't call Checkpoint make that longer by what
// Config.MaxOverruns allows.
//
// Tasks belong to the class of the task that spawned them; groups to the class of
// their context, if it comes from a task. As long as all tasks of a Scheduler are of
// one class, classes cost nothing.
type Class struct {
	s     *Scheduler
	name  string
	cfg   ClassConfig // resolved
	index int         // in Scheduler.classes
	slice int64       // ns

	d       *domain // where its tasks run; nil until it has had any; guarded by the lock until engaged is true
	engaged sx.Bool // partner: engage

	queue    queue.Global[entry]     // what all Ps share of it
	edf      *queue.Deadlines[entry] // used instead, in order of deadline; nil: there is no such order
	admit    admission               // guarded by the queue's lock
	blocked  int                     // tasks of it in a blocking call that have lost their P; guarded by the scheduler's lock
	calls    *Semaphore              // who may be in a blocking call; nil: anybody
	starts   starts                  // of tasks that need a thread each
	profiled context.Context         // with its labels for profiles; nil without Config.ProfileLabels
	detached *env                    // environment of its tasks that nobody waits for

	account
}

// ClassConfig says how the tasks of a Class are scheduled. The zero ClassConfig is that of
// the class "normal".
type ClassConfig struct {
	// Weight is the class's share of the Ps in proportion to that of other classes. 0
	// means 100, which "normal" has; the most is 10000. "interactive" has 1000.
	Weight int

	// Background lets the class have threads of its own with the priority
	// Config.BackgroundNice: its tasks compute in the time that everything else on the
	// machine leaves, and at most as many run at once as there are Ps. A task that waits
	// keeps its thread; see MaxBlocked. See also Scheduler.Background.
	Background bool

	// Slice is how long a task of the class may run while others of it wait, and four
	// times as long as while other classes do. 0 means Config.Slice; the least is 100µs.
	Slice time.Duration

	// Floor is the part of all Ps' time that the class gets at least while it has work
	// for them, whatever the weights say: 0.1 is a tenth. 0 means none. The floors of all
	// classes may add up to 0.9 at most. With a BackgroundNice of 19, background classes with
	// a floor have Ps and threads apart from those without: they go before those, not by
	// weight, and their threads don't sleep while others want all processors.
	Floor float64

	// Deadline, if not 0, lets the class's tasks run in order of deadline instead of
	// order of arrival. A task's deadline is this much time after it has become
	// runnable, or that of its context if it is earlier. Who runs isn't interrupted
	// before its slice is over.
	Deadline time.Duration

	// MaxBlocked bounds the tasks of the class that are in Task.Block at once: more wait for
	// their turn there, without a P. Of a class with threads of its own it also bounds those
	// that have begun and wait for something, each of which keeps its thread: further ones
	// begin when fewer wait, or slowly, for those that wait may wait for these. Waits in
	// ordinary Go aren't seen that way; Config.MaxBlocked bounds them, with the others.
	//
	// A call in Block must not wait for what needs a call of the same class: it may be the
	// one that has to end first. 0 means Config.MaxBlocked, which bounds all classes
	// together.
	MaxBlocked int

	// CPUs are those that the class's tasks may run on, nil for all. It then has threads
	// of its own, one for each of them at most. Systems other than Linux don't have that.
	CPUs []int
}

const (
	weightNormal      = 100
	weightInteractive = 1000 // ten times normal: its tasks are to be short
	weightBackground  = 1    // among classes that share the background threads it doesn't matter; where there are none, little
	maxWeight         = 10000
	maxFloor          = 0.9 // the sum of all; something must be left to be shared
	maxClasses        = 64  // a set of classes is a word
)

// The names of the classes that every scheduler has.
const (
	classInteractive = "interactive"
	classNormal      = "normal"
	classBackground  = "background"
)

// resolve checks the values and fills in the defaults.
func (cfg ClassConfig) resolve(s *Scheduler) (ClassConfig, error) {
	switch {
	case cfg.Weight < 0 || cfg.Weight > maxWeight:
		return cfg, badClass("Weight", cfg.Weight, "0 for %d, or 1 to %d", weightNormal, maxWeight)
	case cfg.Slice < 0 || cfg.Slice > 0 && cfg.Slice < minSlice:
		return cfg, badClass("Slice", cfg.Slice, "0 for %v, or at least %v", s.cfg.Slice, minSlice)
	case math.IsNaN(cfg.Floor) || cfg.Floor < 0 || cfg.Floor > maxFloor:
		return cfg, badClass("Floor", cfg.Floor, "between 0 and %v", maxFloor)
	case cfg.Deadline < 0:
		return cfg, badClass("Deadline", cfg.Deadline, "0 for order of arrival, or positive")
	case cfg.MaxBlocked < 0:
		return cfg, badClass("MaxBlocked", cfg.MaxBlocked, "0 for %d, or a positive number", s.cfg.MaxBlocked)
	}
	if err := checkCPUs(cfg.CPUs); err != nil {
		return cfg, err
	}
	cfg.CPUs = slices.Clone(cfg.CPUs)
	setDefault(&cfg.Weight, weightNormal)
	setDefault(&cfg.Slice, s.cfg.Slice)
	setDefault(&cfg.MaxBlocked, s.cfg.MaxBlocked)
	return cfg, nil
}

func badClass(field string, value any, want string, args ...any) error {
	return fmt.Errorf("runq: ClassConfig.%s is %v: it must be %s", field, value, fmt.Sprintf(want, args...))
}

// Class makes a class. The same name with the same cfg again returns the class that
// there is; with another cfg it is an error, as is a value out of range, and a name that
// is empty. A scheduler has 64 classes at most. After Close, Class returns ErrClosed.
func (s *Scheduler) Class(name string, cfg ClassConfig) (*Class, error) {
	if name == "" {
		return nil, fmt.Errorf("runq: Scheduler.Class: the name is empty")
	}
	cfg, err := cfg.resolve(s)
	if err != nil {
		return nil, err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	floors := cfg.Floor
	for _, c := range s.allClasses() {
		if c.name == name {
			if !c.sameAs(cfg) {
				return nil, fmt.Errorf("runq: class %q exists with another configuration, %+v: use another name", name, c.cfg)
			}
			return c, nil
		}
		floors += c.cfg.Floor
	}
	switch {
	case floors > maxFloor:
		return nil, badClass("Floor", cfg.Floor, "so small that those of all classes add up to %v at most, and would be %.3g", maxFloor, floors)
	case len(s.allClasses()) == maxClasses:
		return nil, fmt.Errorf("runq: class %q would be the %dth: there may be %d", name, maxClasses+1, maxClasses)
	}
	return s.newClass(name, cfg), nil
}

// makeClasses makes the classes that every scheduler has. "normal" is there from the
// beginning: it is what a P serves that has nothing to do.
func (s *Scheduler) makeClasses() {
	def := func(name string, cfg ClassConfig) *Class {
		cfg, err := cfg.resolve(s)
		if err != nil {
			panic(err) // they are in order
		}
		return s.newClass(name, cfg)
	}
	s.interactive = def(classInteractive, ClassConfig{Weight: weightInteractive})
	s.normal = def(classNormal, ClassConfig{Weight: weightNormal})
	s.background = def(classBackground, ClassConfig{Weight: weightBackground, Background: true})
	s.normal.d = &s.fore
	s.normal.engaged.Store(true)
}

// sameAs tells whether the class was made with the resolved cfg.
func (c *Class) sameAs(cfg ClassConfig) bool {
	a, b := c.cfg, cfg
	a.CPUs, b.CPUs = nil, nil
	return fmt.Sprint(a, c.cfg.CPUs) == fmt.Sprint(b, cfg.CPUs)
}

// newClass makes a class. The scheduler's lock is held; cfg is resolved.
func (s *Scheduler) newClass(name string, cfg ClassConfig) *Class {
	classes := append([]*Class(nil), s.allClasses()...)
	c := &Class{s: s, name: name, cfg: cfg, index: len(classes), slice: int64(cfg.Slice)}
	c.weight.Store(int64(cfg.Weight))
	if cfg.Deadline > 0 {
		c.edf = new(queue.Deadlines[entry])
		c.starts.due = new(queue.Deadlines[entry])
	}
	if cfg.MaxBlocked < s.cfg.MaxBlocked {
		c.calls = NewSemaphore(int64(cfg.MaxBlocked))
	}
	if s.cfg.ProfileLabels {
		c.profiled = c.profileLabels()
	}
	c.detached = newEnv(c, c.context(context.Background()), nil)
	classes = append(classes, c)
	s.classes.Store(&classes)
	return c
}

// LookupClass returns the class with the name, for configuration files and the like. The
// error names the classes that there are.
func (s *Scheduler) LookupClass(name string) (*Class, error) {
	var names []string
	for _, c := range s.allClasses() {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	return nil, fmt.Errorf("runq: there is no class %q: there are %s", name, strings.Join(names, ", "))
}

// Classes returns all classes, in the order in which they were made.
func (s *Scheduler) Classes() []*Class { return append([]*Class(nil), s.allClasses()...) }

// Interactive returns the class "interactive": weight 1000, for short work that somebody
// waits for.
func (s *Scheduler) Interactive() *Class { return s.interactive }

// Normal returns the class "normal": weight 100. Scheduler.Go and Run use it.
func (s *Scheduler) Normal() *Class { return s.normal }

// Background returns the class "background": for work that must leave everything else
// in the process and on the machine as fast as if it weren't there. Its tasks run on
// threads of their own with a low priority; see ClassConfig.Background.
func (s *Scheduler) Background() *Class { return s.background }

// Scheduler returns the scheduler that the class belongs to.
func (c *Class) Scheduler() *Scheduler { return c.s }

// Name returns the class's name.
func (c *Class) Name() string { return c.name }

// Config returns how the class was made, with defaults filled in; Weight is the one of
// the moment.
func (c *Class) Config() ClassConfig {
	cfg := c.cfg
	cfg.Weight = int(c.weight.Load())
	cfg.CPUs = slices.Clone(cfg.CPUs)
	return cfg
}

// Weight returns the class's weight of the moment.
func (c *Class) Weight() int { return int(c.weight.Load()) }

// SetWeight changes the class's weight: from now on it gets that share. w must be
// between 1 and 10000.
func (c *Class) SetWeight(w int) error {
	if w < 1 || w > maxWeight {
		return fmt.Errorf("runq: Class.SetWeight(%d): a weight must be between 1 and %d", w, maxWeight)
	}
	c.weight.Store(int64(w))
	return nil
}

// Go is Scheduler.Go for a task of the class.
func (c *Class) Go(fn func(t *Task)) {
	if fn == nil {
		panic("runq: Class.Go: the function is nil")
	}
	if !c.submit(fresh(fn, c.detached)) {
		panic("runq: Class.Go: the scheduler is closed")
	}
}

// Run is Scheduler.Run for a task of the class.
func (c *Class) Run(ctx context.Context, fn func(t *Task) error) error {
	return c.run("Class.Run", ctx, fn)
}

// run is Run; name is how it was called.
func (c *Class) run(name string, ctx context.Context, fn func(t *Task) error) error {
	if fn == nil {
		panic("runq: " + name + ": the function is nil")
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := new(runWaiter)
	w.over.Init()
	if !c.submit(owned(fn, newEnv(c, c.context(ctx), w))) {
		return ErrClosed
	}
	w.over.Wait()
	return w.err
}

// classKey is what a class's contexts know their class by.
type classKey struct{}

// context returns ctx such that what is made with it belongs to the class. Contexts of
// no class are those of the class "normal".
func (c *Class) context(ctx context.Context) context.Context {
	named, _ := ctx.Value(classKey{}).(*Class)
	if named == c || named == nil && c.name == classNormal {
		return ctx
	}
	return context.WithValue(ctx, classKey{}, c)
}

// classOf returns the class of s that what is made with ctx belongs to.
func classOf(ctx context.Context, s *Scheduler) *Class {
	if c, _ := ctx.Value(classKey{}).(*Class); c != nil && c.s == s {
		return c
	}
	return s.normal
}

// arrive queues a task of the class and wakes somebody for it.
func (c *Class) arrive(e entry) {
	if !c.engaged.Load() {
		c.engage()
	}
	first := c.queued() == 0
	c.put(e)
	c.arrived(first)
}

// arrived wakes somebody for what has been queued, first if nothing was queued before.
func (c *Class) arrived(first bool) {
	if first && c.d.fair.Load() {
		c.wakes()
	}
	c.d.wake()
}

// put queues a task of the class. Somebody must be woken afterwards.
func (c *Class) put(e entry) {
	if t := e.g(); t != nil && t.readied == 0 && c.d.fair.Load() {
		t.readied = c.s.clock.Now() // it was running until now
	}
	if c.edf == nil {
		c.queue.Put(e)
		return
	}
	c.putDue(e)
}

// environment returns that of the task that the entry stands for.
func (e *entry) environment() *env {
	if e.env != nil {
		return e.env
	}
	return e.g().e.env
}

// class returns the class of the task that the entry stands for.
func (e *entry) class() *Class { return e.environment().class }

// put queues a task in its class. Somebody must be woken afterwards.
func (s *Scheduler) put(e entry) { e.class().put(e) }

// putAll queues tasks in their classes. Somebody must be woken afterwards.
func (s *Scheduler) putAll(batch []entry) {
	for len(batch) > 0 {
		c, n := batch[0].class(), 1
		for n < len(batch) && batch[n].class() == c {
			n++
		}
		if c.edf == nil {
			c.queue.PutAll(batch[:n])
		} else {
			for _, e := range batch[:n] {
				c.putDue(e)
			}
		}
		batch = batch[n:]
	}
}

// queueAll queues tasks: those of the class that m's P serves there, if it serves but one;
// the others, or all if m is nil, in their classes. It changes the batch's order.
func (s *Scheduler) queueAll(m *m, batch []entry) {
	own := 0
	for i := range batch {
		c := batch[i].class()
		if m != nil && c == m.p.class && m.p.attn.Load()&attnFair == 0 {
			batch[own], batch[i] = batch[i], batch[own]
			own++
			continue
		}
		if g := batch[i].g(); g != nil && c.d.fair.Load() {
			g.readied = s.clock.Now()
		}
		c.arrive(batch[i])
	}
	if own > 0 {
		m.p.run.PutAll(batch[:own], &m.p.class.queue)
	}
}

// enqueue queues a task in its class and wakes an M for it.
func (s *Scheduler) enqueue(e entry) { e.class().arrive(e) }

// engage lets the class take part in scheduling: it has its first task.
func (c *Class) engage() {
	s := c.s
	cannot := s.canBind(c)
	if cannot == nil {
		s.needGroup(c)
	}
	s.lock.Lock()
	if c.engaged.Load() {
		s.lock.Unlock()
		return
	}
	d := s.domainFor(c, cannot)
	c.d = d
	if classes := *d.classes.Load(); !slices.Contains(classes, c) {
		classes = append(slices.Clone(classes), c)
		d.classes.Store(&classes)
	}
	d.beFair()
	c.engaged.Store(true) // partner: submit
	s.lock.Unlock()
	if cannot != nil {
		s.cfg.Logger.Warn("runq: there can't be threads for a class: it shares the ordinary Ps, by weight", "class", c.name, "error", cannot)
	}
	s.needHeadroom()
}

// beFair lets the domain's Ps choose among classes from now on. The lock is held.
func (d *domain) beFair() {
	d.fair.Store(true) // partner: submit
	for _, p := range d.s.ps {
		if p.d == d {
			p.beFair()
		}
	}
}

// beFair lets the P choose among classes from now on.
func (p *p) beFair() {
	if p.byClass == nil {
		p.byClass = make([]*classCounters, maxClasses)
	}
	p.attn.Or(attnFair) // partner: pick
}

// allClasses returns every class there is.
func (s *Scheduler) allClasses() []*Class { return *s.classes.Load() }

// classesLocked is allClasses when the lock is held.
func (s *Scheduler) classesLocked() []*Class { return *s.classes.LoadLocked() }

// queuedInClasses returns how many tasks wait in the classes' queues.
func (s *Scheduler) queuedInClasses() (n int) {
	for _, c := range s.allClasses() {
		n += c.queued()
	}
	return n
}
