package event

import "fmt"

// TaskState says in which one place a task is.
type TaskState uint8

// The states of a task.
const (
	TaskNone     TaskState = iota // it doesn't exist yet
	TaskRunnable                  // in a queue
	TaskRunning                   // on a thread, with a P or, overrun, without
	TaskWaiting                   // on a wait list: someone must ready it
	TaskBlocked                   // in a blocking call: it keeps its thread
	TaskDead                      // its function has ended
	numTaskStates
)

// ProcState says what a P is used for.
type ProcState uint8

// The states of a P.
const (
	ProcIdle    ProcState = iota // free to be acquired
	ProcRunning                  // held by a thread
	ProcStopped                  // held back while the world is stopped
	ProcDead                     // beyond the present number of Ps
	numProcStates
)

// ThreadState says what a thread does.
type ThreadState uint8

// The states of a thread.
const (
	ThreadRunning  ThreadState = iota // it runs tasks
	ThreadSpinning                    // it has a P and looks for work
	ThreadParked                      // it sleeps until it is woken
	ThreadBlocked                     // its task is in a blocking call
	ThreadDead                        // it has exited
	numThreadStates
)

var (
	taskStateNames   = [numTaskStates]string{"none", "runnable", "running", "waiting", "blocked", "dead"}
	procStateNames   = [numProcStates]string{"idle", "running", "stopped", "dead"}
	threadStateNames = [numThreadStates]string{"running", "spinning", "parked", "blocked", "dead"}
)

// String returns the state in one lower-case word.
func (s TaskState) String() string {
	if s < numTaskStates {
		return taskStateNames[s]
	}
	return fmt.Sprintf("TaskState(%d)", uint8(s))
}

// String returns the state in one lower-case word.
func (s ProcState) String() string {
	if s < numProcStates {
		return procStateNames[s]
	}
	return fmt.Sprintf("ProcState(%d)", uint8(s))
}

// String returns the state in one lower-case word.
func (s ThreadState) String() string {
	if s < numThreadStates {
		return threadStateNames[s]
	}
	return fmt.Sprintf("ThreadState(%d)", uint8(s))
}

// TaskStates is a set of states of a task.
type TaskStates uint8

// In makes a set of states.
func In(states ...TaskState) TaskStates {
	var set TaskStates
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set TaskStates) Has(s TaskState) bool { return set&(1<<s) != 0 }

// String lists the states of the set.
func (set TaskStates) String() string {
	text := ""
	for s := range numTaskStates {
		if set.Has(s) {
			if text != "" {
				text += " or "
			}
			text += s.String()
		}
	}
	return text
}
