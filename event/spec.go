package event

import "fmt"

// Kind says what happened.
type Kind uint8

// The kinds of events. [Specs] says what the fields of each one mean. New ones
// are appended, so that the numbers of those written into files stay what they
// are. The zero Kind is no kind.
const (
	KindNone Kind = iota

	KindTaskCreated
	KindTaskStarted
	KindTaskParked
	KindTaskReadied
	KindTaskYielded
	KindTaskResumed
	KindTaskBlocked
	KindTaskUnblocked
	KindTaskUnblockedQueued
	KindTaskFinished
	KindTaskOverrun

	KindProcAcquired
	KindProcReleased
	KindProcRetaken
	KindProcCreated
	KindProcDestroyed

	KindThreadStarted
	KindThreadParked
	KindThreadWoken
	KindThreadSpinning
	KindThreadSpun
	KindThreadExited

	KindStole
	KindStopBegin
	KindStopEnd
	KindProcsChanged

	KindLost

	// What a recording finds that begins in the middle: see TaskSeenRunnable.
	KindTaskSeenRunnable
	KindTaskSeenRunning
	KindTaskSeenWaiting
	KindTaskSeenBlocked
	KindProcSeen

	// What the Go runtime does and runq doesn't.
	KindTaskCreatedWaiting
	KindTaskCreatedBlocked
	KindTaskLeft
	KindStopAsked
	KindGCBegin
	KindGCEnd
	KindAssistBegin
	KindAssistEnd

	// What a program says about itself.
	KindRegionBegin
	KindRegionEnd

	KindShareChanged

	numKinds
)

// Fields is a set of the fields of an event.
type Fields uint8

// The fields that a kind can insist on.
const (
	FieldTask Fields = 1 << iota // Task isn't NoTask, and Seq isn't 0
	FieldP                       // P isn't NoP
	FieldM                       // M isn't NoM
)

// Spec describes a kind of event.
type Spec struct {
	Name  string
	What  string // what happened, and to whom
	Needs Fields // the fields that are always set

	// P and M say which P and M are meant; empty: none.
	P, M string

	// ArgName is a short name for Arg, and Arg what it means; empty: unused.
	ArgName, Arg string

	// Reasons are the classes of reasons that it may have.
	Reasons ReasonClass

	// From and To are the states of the task before and after. From is empty
	// for kinds that aren't about a task.
	From TaskStates
	To   TaskState
}

// IsTask reports whether the kind moves a task, so that its events have a Task
// and a Seq.
func (s *Spec) IsTask() bool { return s.From != 0 }

// Spec returns the kind's row of [Specs], the row of KindNone for a number that
// is no kind. Callers must not change it.
func (k Kind) Spec() *Spec {
	if k < numKinds {
		return &Specs[k]
	}
	return &Specs[KindNone]
}

// String returns the constant's name without its prefix.
func (k Kind) String() string {
	if k < numKinds {
		return Specs[k].Name
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

const (
	pHeld = "the P that M holds; NoP if it holds none"
	mOn   = "the thread the task is on"
)

// Specs has a row for each kind, by number. It is read-only.
var Specs = [numKinds]Spec{
	KindNone: {Name: "None", What: "no event"},

	KindTaskCreated: {
		Name: "TaskCreated", What: "the task was put into a queue for the first time",
		Needs: FieldTask, From: In(TaskNone), To: TaskRunnable, Reasons: ClassNone,
		P: "the P of its creator, if known", M: "the thread of its creator, if known",
		ArgName: "parent", Arg: "the task that created it; NoTask: an ordinary goroutine",
	},
	KindTaskStarted: {
		Name: "TaskStarted", What: "the task runs for the first time",
		Needs: FieldTask | FieldM, From: In(TaskRunnable), To: TaskRunning, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindTaskParked: {
		Name: "TaskParked", What: "the task waits, and its carrier has finished yielding",
		Needs: FieldTask | FieldM, From: In(TaskRunning), To: TaskWaiting, Reasons: ClassWait, P: pHeld, M: "the thread it was on",
		ArgName: "object", Arg: "the address of what it waits for; 0: of several things, or of nothing that has one",
	},
	KindTaskReadied: {
		Name: "TaskReadied", What: "a waiting task was put into a queue",
		Needs: FieldTask, From: In(TaskWaiting), To: TaskRunnable, Reasons: ClassWake,
		P: "the P of the waker; NoP: it has none", M: "the thread of the waker; NoM: an ordinary goroutine",
		ArgName: "waker", Arg: "the task that readied it; NoTask: no task did",
	},
	KindTaskYielded: {
		Name: "TaskYielded", What: "a running task went back to a queue, and its carrier has finished yielding",
		Needs: FieldTask | FieldM, From: In(TaskRunning), To: TaskRunnable, Reasons: ClassYield, P: pHeld, M: "the thread it was on",
	},
	KindTaskResumed: {
		Name: "TaskResumed", What: "a task that had been started before runs again",
		Needs: FieldTask | FieldM, From: In(TaskRunnable), To: TaskRunning, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindTaskBlocked: {
		Name: "TaskBlocked", What: "a running task enters a blocking call, or is held back; it keeps its thread and, until that is retaken, its P",
		Needs: FieldTask | FieldM, From: In(TaskRunning), To: TaskBlocked, Reasons: ClassNone | ClassHold, P: pHeld, M: mOn,
	},
	KindTaskUnblocked: {
		Name: "TaskUnblocked", What: "the blocking call is over, or the task is held back no more, and it kept its P or got one at once",
		Needs: FieldTask | FieldM, From: In(TaskBlocked), To: TaskRunning, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindTaskUnblockedQueued: {
		Name: "TaskUnblockedQueued", What: "the blocking call is over, and the task was put into a queue for want of a P",
		Needs: FieldTask, From: In(TaskBlocked), To: TaskRunnable, Reasons: ClassNone | ClassYield,
		P: pHeld, M: "the thread it was on, if known",
	},
	KindTaskFinished: {
		Name: "TaskFinished", What: "the task's function has ended",
		Needs: FieldTask | FieldM, From: In(TaskRunning), To: TaskDead, Reasons: ClassEnd, P: pHeld, M: "the thread it was on",
	},
	KindTaskOverrun: {
		Name: "TaskOverrun", What: "a running task lost its P and runs on without one",
		Needs: FieldTask | FieldM, From: In(TaskRunning), To: TaskRunning, Reasons: ClassNone | ClassRetake, P: "the P that it lost", M: mOn,
	},

	KindProcAcquired: {
		Name: "ProcAcquired", What: "a thread took a free P",
		Needs: FieldP | FieldM, P: "the P", M: "the thread that holds it now", Reasons: ClassNone,
	},
	KindProcReleased: {
		Name: "ProcReleased", What: "a thread gave its P away",
		Needs: FieldP | FieldM, P: "the P", M: "the thread that held it",
		Reasons: ClassNone | ClassHandoff | ClassYield | ClassRetake,
	},
	KindProcRetaken: {
		Name: "ProcRetaken", What: "a P was taken from its thread",
		Needs: FieldP | FieldM, P: "the P", M: "the thread that held it", Reasons: ClassRetake,
	},
	KindProcCreated: {
		Name: "ProcCreated", What: "a P came into being, or back; it is free",
		Needs: FieldP, P: "the P", M: "the thread that did it, if known", Reasons: ClassNone,
	},
	KindProcDestroyed: {
		Name: "ProcDestroyed", What: "a free P is no longer in use",
		Needs: FieldP, P: "the P", M: "the thread that did it, if known", Reasons: ClassNone,
	},

	KindThreadStarted: {
		Name: "ThreadStarted", What: "a thread came into being",
		Needs: FieldM, M: "the thread", P: "the P it was started for, if any", Reasons: ClassNone,
	},
	KindThreadParked: {
		Name: "ThreadParked", What: "a thread goes to sleep",
		Needs: FieldM, M: "the thread", Reasons: ClassNone | ClassHandoff,
	},
	KindThreadWoken: {
		Name: "ThreadWoken", What: "a thread was woken",
		Needs: FieldM, M: "the thread", P: "the P it was woken for, if any", Reasons: ClassNone | ClassWake | ClassHandoff,
	},
	KindThreadSpinning: {
		Name: "ThreadSpinning", What: "a thread with a P began to look for work",
		Needs: FieldM, M: "the thread", P: pHeld, Reasons: ClassNone,
	},
	KindThreadSpun: {
		Name: "ThreadSpun", What: "a thread stopped looking for work, with or without success",
		Needs: FieldM, M: "the thread", P: pHeld, Reasons: ClassNone,
	},
	KindThreadExited: {
		Name: "ThreadExited", What: "a thread ended; nothing comes from it after this",
		Needs: FieldM, M: "the thread", Reasons: ClassNone,
	},

	KindStole: {
		Name: "Stole", What: "a P took tasks out of the queue of another P",
		Needs: FieldP, P: "the thief", M: "its thread", Reasons: ClassNone,
		ArgName: "victim<<32|count", Arg: "the P that was robbed, and of how many tasks: see StoleArg",
	},
	KindStopBegin: {
		Name: "StopBegin", What: "the world was asked to stop, and now stands still",
		P: pHeld, M: "the thread that asked; NoM: an ordinary goroutine", Reasons: ClassNone | ClassYield | ClassHandoff,
		ArgName: "ns", Arg: "how long it took from the asking until everything stood still, in ns",
	},
	KindStopEnd: {
		Name: "StopEnd", What: "the world goes on",
		P: pHeld, M: "the thread that asked; NoM: an ordinary goroutine", Reasons: ClassNone,
	},
	KindProcsChanged: {
		Name: "ProcsChanged", What: "the number of Ps changed",
		P: pHeld, M: "the thread that asked; NoM: an ordinary goroutine", Reasons: ClassNone,
		ArgName: "n", Arg: "the new number of Ps",
	},

	// Two sorts of loss, one counted from the writer's side and one seen from
	// the reader's; their numbers overlap and must not be added up.
	KindLost: {
		Name: "Lost", What: "events are missing here: with a Task, events of that task, just before its next event; " +
			"without, events of one stream from this place on, until the next Lost of that stream with Arg 0",
		P: "the P whose stream lost them, if known", Reasons: ClassNone,
		ArgName: "lost", Arg: "how many are missing; without a Task, 0 ends the stretch that has losses",
	},

	// A recording of a scheduler that runs already meets tasks and Ps that it knows
	// nothing of. It may learn their state late, but that was their state all the time
	// since it began.
	KindTaskSeenRunnable: {
		Name: "TaskSeenRunnable", What: "the task was in a queue when the recording began, and has been until now",
		Needs: FieldTask, From: In(TaskNone), To: TaskRunnable, Reasons: ClassNone,
	},
	KindTaskSeenRunning: {
		Name: "TaskSeenRunning", What: "the task was running when the recording began, and has been until now",
		Needs: FieldTask | FieldM, From: In(TaskNone), To: TaskRunning, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindTaskSeenWaiting: {
		Name: "TaskSeenWaiting", What: "the task was waiting when the recording began, and has been until now",
		Needs: FieldTask, From: In(TaskNone), To: TaskWaiting, Reasons: ClassNone,
	},
	KindTaskSeenBlocked: {
		Name: "TaskSeenBlocked", What: "the task was in a blocking call when the recording began, and has been until now",
		Needs: FieldTask | FieldM, From: In(TaskNone), To: TaskBlocked, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindProcSeen: {
		Name: "ProcSeen", What: "the P was there when the recording began, and has been used until now as it is used now",
		Needs: FieldP, P: "the P", M: "the thread that holds it; NoM: it is free", Reasons: ClassNone,
	},

	KindTaskCreatedWaiting: {
		Name: "TaskCreatedWaiting", What: "the task came into being, and waits to be readied for the first time",
		Needs: FieldTask, From: In(TaskNone), To: TaskWaiting, Reasons: ClassNone,
		P: "the P of its creator, if known", M: "the thread of its creator, if known",
		ArgName: "parent", Arg: "the task that created it; NoTask: no task did",
	},
	KindTaskCreatedBlocked: {
		Name: "TaskCreatedBlocked", What: "a thread of foreign code calls in: the task came into being as one in a blocking call",
		Needs: FieldTask | FieldM, From: In(TaskNone), To: TaskBlocked, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindTaskLeft: {
		Name: "TaskLeft", What: "a thread of foreign code is done with calling in: its task is no more",
		Needs: FieldTask | FieldM, From: In(TaskBlocked), To: TaskDead, Reasons: ClassNone, P: pHeld, M: mOn,
	},
	KindStopAsked: {
		Name: "StopAsked", What: "the world is asked to stop, and not all of it stands still yet",
		P: pHeld, M: "the thread that asks", Reasons: ClassNone,
		ArgName: "why", Arg: "why: a StringID",
	},
	KindGCBegin: {
		Name: "GCBegin", What: "the garbage collector begins to mark, while tasks run on",
		P: pHeld, M: "the thread that began it", Reasons: ClassNone,
	},
	KindGCEnd: {
		Name: "GCEnd", What: "the garbage collector has marked everything",
		P: pHeld, M: "the thread that ended it", Reasons: ClassNone,
	},
	KindAssistBegin: {
		Name: "AssistBegin", What: "the running task named in Task has to help the garbage collector, before it may allocate",
		P: pHeld, M: mOn, Reasons: ClassNone,
	},
	KindAssistEnd: {
		Name: "AssistEnd", What: "the task named in Task has helped enough",
		P: pHeld, M: mOn, Reasons: ClassNone,
	},

	KindRegionBegin: {
		Name: "RegionBegin", What: "the running task named in Task enters a part of the program that has a name",
		P: pHeld, M: mOn, Reasons: ClassNone,
		ArgName: "name", Arg: "its name: a StringID",
	},
	KindRegionEnd: {
		Name: "RegionEnd", What: "the task named in Task leaves the part that it entered last",
		P: pHeld, M: mOn, Reasons: ClassNone,
		ArgName: "name", Arg: "its name: a StringID",
	},

	KindShareChanged: {
		Name: "ShareChanged", What: "background work gets another share of the processors",
		Reasons: ClassShare, ArgName: "cpus", Arg: "how many CPUs' time it may use from now on, in millionths; all ones: as much as there is",
	},
}
