package runq

import (
	"math/rand/v2"

	"github.com/runq-go/runq/internal/osthread"
	"github.com/runq-go/runq/internal/ring"
	"github.com/runq-go/runq/internal/sx"
)

// Scheduler runs tasks on a number of Ps. It is made by New or Default. All its
// methods may be called from any goroutine.
type Scheduler struct {
	cfg      Config // resolved; not changed any more
	slice    int64  // cfg.Slice in nanoseconds
	seed     uint64 // of the Ms' random numbers
	clock    clock
	detached *env // environment of tasks that nobody waits for

	lock                            sx.Mutex
	fore                            domain // of ordinary classes
	interactive, normal, background *Class
	domains                         sx.Pointer[[]*domain] // all; replaced, never changed, under the lock
	classes                         sx.Pointer[[]*Class]  // all; likewise
	carriers                        carrierPool
	net                             poller
	lastID                          sx.Uint64 // last task id given to a P or to submit
	coarse                          sx.Int64  // the time at sysmon's last beat
	overruns                        sx.Int64  // unseated Ps; written under the lock

	headroomMu   sx.Mutex // comes before every other lock
	headroom     sx.Int32 // by how much GOMAXPROCS is raised for this scheduler; written under headroomMu
	headroomOver bool     // it is not any more; guarded by headroomMu

	bucket bucket   // what background threads pay their time from
	gov    governor // sysmon's, mostly

	group controlGroup

	leasing leasing

	tryBind   func(*binding) error             // binding.try, but for tests
	makeGroup func() (childGroup, error)       // makeChildGroup, but for tests
	account   func() (osthread.Account, error) // see surroundings; doesn't change
	rested    sx.Int64                         // ns that background threads have slept for want of processors

	// Guarded by the lock.
	weak           error // why there are no threads for background classes; nil: there are, or nobody has asked
	closed         bool  // Shutdown has been called
	ps             []*p  // every P ever made, seated or not
	spare          []*p
	unseated       []*p
	allm           []*m
	lastM          int32
	threadsTrimmed int64  // when idle Ms with threads of their own were last ended
	blocked        int    // Ms in a blocking call that have lost their P
	blockedFull    uint64 // Ps not taken because too many are
	running        runningSamples
	nextDump       int64                 // when stacks may be taken again; see stuck.go
	dump           map[uintptr]taskStack // the latest dump of stacks, and the beat that took it
	dumpBeat       int64
	deadlocked     bool        // breakDeadlock is at work
	deadAgain      bool        // another deadlock was found meanwhile
	closing        bool        // Close waits for the last task
	ending         bool        // there is none any more: Ms end
	stopping       bool        // the world is stopped, or about to be
	stopWait       int         // Ps still to stop
	guests         []seatTaken // by the present stop
	stops          uint64
	stopTime       int64 // ns, sum
	stopMax        int64

	stopMu             sx.Mutex // held by who stops the world. Lock order: stopMu before idle
	stopBegun, started int64    // when the world was last asked to stop, and let go; guarded by stopMu
	stopNote           sx.Note

	sysmonUntil    sx.Int64 // until when sysmon sleeps; 0: it doesn't
	sysmonEnd      sx.Bool
	sysmonNote     sx.Note
	trace          *schedTracer
	waitingThreads sx.Int32 // background tasks that wait on threads of their own (starts.go)

	timersOver sx.Bool // no task lives any more: no timer runs. Partner: alarm.schedule

	out     outside     // counters and events of those without a P
	entries entryStacks // what the events' stacks are

	threads sx.WaitGroup // Ms, sysmon and other goroutines of the scheduler
	drained sx.Gate      // opened when the last task has ended after Close
	gone    sx.Gate      // opened when everything has been freed

	carriersEnded sx.Uint64
}

// New returns a running Scheduler. It fails when the Config is out of range.
func New(cfg Config) (*Scheduler, error) {
	return surroundings{clock: newClock(), seed: rand.Uint64(), account: osthread.Schedstat}.newScheduler(cfg)
}

// surroundings are what a scheduler depends on besides its Config. The schedule
// checker needs them to be the same every time.
type surroundings struct {
	clock    clock
	seed     uint64
	noSysmon bool // somebody else calls beat, or nothing has to be retaken

	// account is the kernel's of the calling thread. nil: no thread is to care (pressure.go).
	account func() (osthread.Account, error)
}

func (o surroundings) newScheduler(cfg Config) (*Scheduler, error) {
	cfg, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	s := &Scheduler{
		cfg:     cfg,
		slice:   int64(cfg.Slice),
		seed:    o.seed | 1,
		clock:   o.clock,
		account: o.account,
	}
	s.drained.Init()
	s.gone.Init()
	s.stopNote.Init()
	s.sysmonNote.Init()
	if cfg.Trace {
		s.out.events = ring.New(cfg.TraceBuffer)
	}
	s.coarse.Store(s.clock.Now())
	s.carriers.trimmed = s.clock.Now()
	s.lock.Lock()
	s.classes.Store(new([]*Class))
	s.makeClasses()
	s.detached = s.normal.detached
	s.fore.s = s
	s.fore.seats.Store(new([]*p))
	s.fore.classes.Store(&[]*Class{s.normal})
	s.fore.fair.Store(cfg.Times)
	s.tryBind = (*binding).try
	s.makeGroup = makeChildGroup
	s.gov.allowed, s.gov.latency.share, s.group.cpus = -1, 1, -1
	s.domains.Store(&[]*domain{&s.fore})
	s.resize(cfg.Procs)
	for _, p := range s.fore.seated() {
		p.state = pIdle
		s.fore.idle.PutP(p)
	}
	s.lock.Unlock()
	if !o.noSysmon {
		s.threads.Add(1)
		sx.Go(s.sysmon)
	}
	s.startSchedTrace()
	return s, nil
}

// theDefault is the scheduler that Default returns.
var theDefault struct {
	mu sx.Mutex
	s  *Scheduler
}

// Default returns the scheduler that is shared by everyone who doesn't want one of
// his own. It is made with the zero Config on first use, and again on first use
// after it was closed.
func Default() *Scheduler {
	theDefault.mu.Lock()
	defer theDefault.mu.Unlock()
	if theDefault.s == nil {
		s, err := New(Config{})
		if err != nil {
			panic(err) // the zero Config is valid
		}
		theDefault.s = s
	}
	return theDefault.s
}

// forgetDefault makes Default start afresh if s is what it returns.
func (s *Scheduler) forgetDefault() {
	theDefault.mu.Lock()
	if theDefault.s == s {
		theDefault.s = nil
	}
	theDefault.mu.Unlock()
}
