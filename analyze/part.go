package analyze

import "github.com/runq-go/runq/event"

// Part is one thing that the time of a wait can go to.
type Part uint8

// The parts of a wait. PartEvent and PartInCall come before the task is ready, the
// others after that; where several would do, the world's standing still goes first.
const (
	PartEvent   Part = iota // for what the task waits for
	PartInCall              // in a blocking call
	PartBehind              // its P ran another task
	PartCall                // its P was kept by another task that was in a blocking call
	PartAssist              // its P ran a task that had to help the garbage collector
	PartStop                // the world was stopped, or asked to stop
	PartNoP                 // it was in no P's queue, and no P was free
	PartSwitch              // its P was between two tasks: looking for the next one
	PartFree                // its P, or some P, was free, and a thread had yet to come
	PartUnknown             // it isn't known what its P did
	NumParts                // how many there are
)

var partNames = [NumParts]string{"event", "in-call", "behind", "behind-call", "gc-assist", "stop", "no-p", "switch", "free-p", "unknown"}

var partTexts = [NumParts]string{
	"waiting for the event",
	"in a blocking call",
	"behind other tasks on its P",
	"behind a task in a blocking call that kept the P",
	"behind a task that had to help the garbage collector",
	"the world was stopped or asked to stop",
	"no P was free",
	"its P was between two tasks",
	"a P was free, and no thread had come yet",
	"it isn't known what its P did",
}

// String returns a short name.
func (p Part) String() string {
	if p < NumParts {
		return partNames[p]
	}
	return "part?"
}

// Text says what the part means.
func (p Part) Text() string {
	if p < NumParts {
		return partTexts[p]
	}
	return p.String()
}

// Parts is how a time is divided, in ns.
type Parts [NumParts]int64

// Total is the sum.
func (p *Parts) Total() (sum int64) {
	for _, ns := range p {
		sum += ns
	}
	return sum
}

// Late is the time from being ready to running.
func (p *Parts) Late() int64 { return p.Total() - p[PartEvent] - p[PartInCall] }

// Add adds q.
func (p *Parts) Add(q *Parts) {
	for i := range p {
		p[i] += q[i]
	}
}

// queue accounts for the time of the tasks that wait in it: those of a P, or those of
// no P.
type queue struct {
	acc     Parts // how long it was in each mode
	waited  Parts // the same, times the number of tasks that waited
	mode    Part
	at      int64 // until when acc and waited are
	waiting int64
}

// flush brings the accounts up to now.
func (q *queue) flush(now int64) {
	if dt := now - q.at; dt > 0 {
		q.acc[q.mode] += dt
		q.waited[q.mode] += dt * q.waiting
		q.at = now
	}
}

func (q *queue) set(now int64, mode Part) {
	if mode != q.mode {
		q.flush(now)
		q.mode = mode
	}
}

// blame is how long tasks have waited in the queue because of what its P ran.
func (q *queue) blame() int64 {
	return q.waited[PartBehind] + q.waited[PartCall] + q.waited[PartAssist]
}

// Why says what began a wait: the event, and its reason.
type Why struct {
	Kind   event.Kind   // of the event by which the task stopped running, or came into being
	Reason event.Reason // of that event
}

// Call tells whether the task was in a blocking call.
func (w Why) Call() bool {
	switch w.Kind {
	case event.KindTaskBlocked, event.KindTaskSeenBlocked, event.KindTaskCreatedBlocked:
		return w.Reason == event.ReasonNone // else the scheduler has held it back
	}
	return false
}

// String returns a few words.
func (w Why) String() string {
	switch w.Kind {
	case event.KindTaskCreated:
		return "new"
	case event.KindTaskCreatedWaiting:
		return "new coroutine"
	case event.KindTaskBlocked, event.KindTaskCreatedBlocked, event.KindTaskSeenBlocked:
		if w.Reason != event.ReasonNone {
			return whyTexts[w.Reason]
		}
		return "blocking call"
	case event.KindTaskSeenRunnable:
		return "ready from the start"
	case event.KindTaskSeenWaiting:
		return "waiting from the start"
	case event.KindTaskParked, event.KindTaskYielded:
		if text, ok := whyTexts[w.Reason]; ok {
			return text
		}
		return w.Reason.String()
	}
	return w.Kind.String()
}

var whyTexts = map[event.Reason]string{
	event.ReasonYield: "yielded", event.ReasonPreempted: "preempted", event.ReasonStopTheWorld: "stopped with the world",
	event.ReasonLostP: "lost its P", event.ReasonWaitSleep: "sleep", event.ReasonWaitGroup: "group",
	event.ReasonWaitPark: "park", event.ReasonWaitChanSend: "channel send", event.ReasonWaitChanRecv: "channel receive",
	event.ReasonWaitSelect: "select", event.ReasonWaitLock: "lock", event.ReasonWaitRLock: "read lock",
	event.ReasonWaitCond: "condition", event.ReasonWaitWaitGroup: "wait group", event.ReasonWaitSemaphore: "semaphore",
	event.ReasonWaitEvent: "event", event.ReasonWaitRead: "network read", event.ReasonWaitWrite: "network write",
	event.ReasonWaitNever: "nothing (for ever)", event.ReasonWaitJoin: "join", event.ReasonWaitTimer: "timer",
	event.ReasonWaitSync: "lock or wait group", event.ReasonWaitNetwork: "network", event.ReasonWaitCoroutine: "coroutine switch",
	event.ReasonWaitAssist: "GC assist", event.ReasonWaitGC: "GC", event.ReasonWaitSystem: "system task idle",
	event.ReasonHeldBack: "held back (used up its share)", event.ReasonPressure: "held back (no processor to spare)",
	event.ReasonWaitHalted: "halted", event.ReasonWaitUnknown: "not known",
}
