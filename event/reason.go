package event

import "fmt"

// Reason says why something happened. Reasons fall into classes, and a kind of
// event takes reasons of some classes only.
type Reason uint8

// The reasons. New ones are appended, so that the numbers of those written
// into files stay what they are.
const (
	ReasonNone Reason = iota

	// Why a task waits.
	ReasonWaitSleep
	ReasonWaitGroup
	ReasonWaitPark // a plain park, of which nothing more is known

	// Why a task went back to a queue.
	ReasonYield        // it asked for it
	ReasonPreempted    // its slice was over
	ReasonStopTheWorld // the world was being stopped
	ReasonLostP        // its P had been taken

	// Why a P was taken from a thread.
	ReasonRetakeBlocked // its task was in a blocking call
	ReasonRetakeOverrun // its task ran past its slice without checking

	// Why a thread gave its P away.
	ReasonHandoffLocked // its task is, or the next one is, locked to a thread
	ReasonHandoffStop   // the world was being stopped
	ReasonHandoffIdle   // there was nothing to run

	// How a task ended.
	ReasonEndReturn
	ReasonEndPanic
	ReasonEndGoexit

	// Who or what readied a task.
	ReasonWakeDeadlock // nobody could have: it is woken to be told
	ReasonWakeTask
	ReasonWakeTimer
	ReasonWakeContext
	ReasonWakeOutside // an ordinary goroutine

	// More of why a task waits.
	ReasonWaitChanSend // for a receiver, or for room in a channel's buffer
	ReasonWaitChanRecv // for a value from a channel
	ReasonWaitSelect   // for one of several things
	ReasonWaitLock     // for a lock: a mutex, or a read-write mutex to write
	ReasonWaitRLock    // for a read-write mutex to read
	ReasonWaitCond     // for a condition's signal
	ReasonWaitWaitGroup
	ReasonWaitSemaphore
	ReasonWaitEvent

	// The network.
	ReasonWaitRead   // a task waits until a descriptor can be read
	ReasonWaitWrite  // a task waits until a descriptor can be written
	ReasonWakePoller // a descriptor has become ready

	ReasonWaitNever // a task waits for what can't happen: a nil channel, no case of a select
	ReasonWaitJoin  // for a fork that another task runs
	ReasonWaitTimer // for a Timer or a Ticker

	// Of the Go runtime, which says less, or more.
	ReasonWaitSync      // for a mutex, a wait group, or another thing of package sync
	ReasonWaitNetwork   // until a descriptor can be read or written
	ReasonWaitCoroutine // until another task switches to it
	ReasonWaitAssist    // for the garbage collector, to be allowed to allocate
	ReasonWaitGC        // for the garbage collector, in other ways
	ReasonWaitSystem    // a task of the runtime itself, for something to do
	ReasonWaitHalted    // because something has halted it: a debugger, or who scans its stack
	ReasonWaitUnknown   // why isn't known
	ReasonWakeRuntime   // the runtime readied it, and how isn't known

	// Why background work gets another share of the processors.
	ReasonLatencyMissed // others waited for longer than the latency target
	ReasonLatencyMet    // they didn't, for a while
	ReasonQuota         // so that the quota of the control group lasts

	// Why a background task is held back.
	ReasonHeldBack // it has used up what it may use at the moment
	ReasonPressure // others want the processors that it would need

	numReasons
)

// ReasonClass is a set of classes of reasons.
type ReasonClass uint16

// The classes of reasons.
const (
	ClassNone    ReasonClass = 1 << iota // ReasonNone: no reason needs to be given
	ClassWait                            // why a task waits
	ClassYield                           // why a task went back to a queue
	ClassRetake                          // why a P was taken
	ClassHandoff                         // why a P was given away
	ClassEnd                             // how a task ended
	ClassWake                            // who or what readied a task
	ClassShare                           // why background work gets another share
	ClassHold                            // why a background task is held back
)

var reasons = [numReasons]struct {
	name  string
	class ReasonClass
}{
	ReasonNone:          {"None", ClassNone},
	ReasonWaitSleep:     {"WaitSleep", ClassWait},
	ReasonWaitGroup:     {"WaitGroup", ClassWait},
	ReasonWaitPark:      {"WaitPark", ClassWait},
	ReasonYield:         {"Yield", ClassYield},
	ReasonPreempted:     {"Preempted", ClassYield},
	ReasonStopTheWorld:  {"StopTheWorld", ClassYield},
	ReasonLostP:         {"LostP", ClassYield},
	ReasonRetakeBlocked: {"RetakeBlocked", ClassRetake},
	ReasonRetakeOverrun: {"RetakeOverrun", ClassRetake},
	ReasonHandoffLocked: {"HandoffLocked", ClassHandoff},
	ReasonHandoffStop:   {"HandoffStop", ClassHandoff},
	ReasonHandoffIdle:   {"HandoffIdle", ClassHandoff},
	ReasonEndReturn:     {"EndReturn", ClassEnd},
	ReasonEndPanic:      {"EndPanic", ClassEnd},
	ReasonEndGoexit:     {"EndGoexit", ClassEnd},
	ReasonWakeDeadlock:  {"WakeDeadlock", ClassWake},
	ReasonWakeTask:      {"WakeTask", ClassWake},
	ReasonWakeTimer:     {"WakeTimer", ClassWake},
	ReasonWakeContext:   {"WakeContext", ClassWake},
	ReasonWakeOutside:   {"WakeOutside", ClassWake},
	ReasonWaitChanSend:  {"WaitChanSend", ClassWait},
	ReasonWaitChanRecv:  {"WaitChanRecv", ClassWait},
	ReasonWaitSelect:    {"WaitSelect", ClassWait},
	ReasonWaitLock:      {"WaitLock", ClassWait},
	ReasonWaitRLock:     {"WaitRLock", ClassWait},
	ReasonWaitCond:      {"WaitCond", ClassWait},
	ReasonWaitWaitGroup: {"WaitWaitGroup", ClassWait},
	ReasonWaitSemaphore: {"WaitSemaphore", ClassWait},
	ReasonWaitEvent:     {"WaitEvent", ClassWait},
	ReasonWaitRead:      {"WaitRead", ClassWait},
	ReasonWaitWrite:     {"WaitWrite", ClassWait},
	ReasonWakePoller:    {"WakePoller", ClassWake},
	ReasonWaitNever:     {"WaitNever", ClassWait},
	ReasonWaitJoin:      {"WaitJoin", ClassWait},
	ReasonWaitTimer:     {"WaitTimer", ClassWait},
	ReasonWaitSync:      {"WaitSync", ClassWait},
	ReasonWaitNetwork:   {"WaitNetwork", ClassWait},
	ReasonWaitCoroutine: {"WaitCoroutine", ClassWait},
	ReasonWaitAssist:    {"WaitAssist", ClassWait},
	ReasonWaitGC:        {"WaitGC", ClassWait},
	ReasonWaitSystem:    {"WaitSystem", ClassWait},
	ReasonWaitHalted:    {"WaitHalted", ClassWait},
	ReasonWaitUnknown:   {"WaitUnknown", ClassWait},
	ReasonWakeRuntime:   {"WakeRuntime", ClassWake},
	ReasonLatencyMissed: {"LatencyMissed", ClassShare},
	ReasonLatencyMet:    {"LatencyMet", ClassShare},
	ReasonQuota:         {"Quota", ClassShare},
	ReasonHeldBack:      {"HeldBack", ClassHold},
	ReasonPressure:      {"Pressure", ClassHold},
}

// String returns the constant's name without its prefix.
func (r Reason) String() string {
	if r < numReasons {
		return reasons[r].name
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// Class returns the one class of a reason, 0 for a number that is none.
func (r Reason) Class() ReasonClass {
	if r < numReasons {
		return reasons[r].class
	}
	return 0
}
