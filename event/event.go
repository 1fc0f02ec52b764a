// Package event is the one model of what a G-M-P scheduler does: the names of
// tasks (G), threads (M) and procs (P), their states, the events that move
// them from state to state, and the table, [Specs], that says which moves are
// legal. Whatever writes events and whatever reads them shares this package;
// it depends on nothing.
//
// Some events are always missing: buffers are bounded. Loss is therefore part
// of the model (see [KindLost]), and every reader has to live with it.
package event

import (
	"fmt"
	"strconv"
)

// TaskID names a task for the life of its scheduler; it is never reused.
type TaskID uint64

// MID names a thread (M).
type MID int32

// PID names a proc (P): the right to run, one of a small fixed number. runq gives those of
// each domain, such as that of background threads, DomainProcs numbers of their own.
type PID int32

// DomainProcs is how many numbers each domain of a runq scheduler has for its Ps. The first
// domain is that of ordinary classes.
const DomainProcs = 1024

// NoTask, NoM and NoP say that an event has nothing to do with a task, a
// thread or a proc, or that it isn't known with which.
const (
	NoTask TaskID = 0
	NoM    MID    = -1
	NoP    PID    = -1
)

// String returns the id as it is written everywhere: G7, or G- for NoTask.
func (id TaskID) String() string {
	if id == NoTask {
		return "G-"
	}
	return "G" + strconv.FormatUint(uint64(id), 10)
}

// String returns the id as it is written everywhere: M7, or M- for NoM.
func (id MID) String() string {
	if id == NoM {
		return "M-"
	}
	return "M" + strconv.Itoa(int(id))
}

// String returns the id as it is written everywhere: P7, or P- for NoP.
func (id PID) String() string {
	if id == NoP {
		return "P-"
	}
	return "P" + strconv.Itoa(int(id))
}

// Event is one thing that happened. What its fields mean depends on its Kind:
// see [Specs].
type Event struct {
	Time int64  // ns since the scheduler began
	Task TaskID // NoTask if the event is about no task
	Arg  uint64 // meaning by kind
	Seq  uint32 // the n-th event of this task, from 1; 0: not a task event
	P    PID    // NoP if there is none, or it isn't known
	M    MID    // NoM if there is none, or it isn't known

	// Of sources that have stacks; else 0. Source.Symbols knows what they are.
	Stack StackID // of the task that the event is about
	By    StackID // of whoever did it to the task: its creator, its waker

	Kind   Kind
	Reason Reason
	Coarse bool // Time is exact only to the beat of the coarse clock
}

// String returns one line, without a line end, meant for people. A tilde marks
// a coarse time.
func (e Event) String() string {
	mark := ""
	if e.Coarse {
		mark = "~"
	}
	s := fmt.Sprintf("%s%dns %v %v %v", mark, e.Time, e.P, e.M, e.Kind)
	if e.Task != NoTask {
		s += " " + e.Task.String()
		if e.Seq != 0 {
			s += "#" + strconv.FormatUint(uint64(e.Seq), 10)
		}
	}
	if e.Reason != ReasonNone {
		s += " " + e.Reason.String()
	}
	if e.Kind == KindStole {
		victim, count := e.Stole()
		return s + fmt.Sprintf(" victim=%v count=%d", victim, count)
	}
	if e.Kind == KindTaskParked {
		if e.Arg != 0 {
			s += fmt.Sprintf(" object=%#x", e.Arg)
		}
		return s
	}
	if name := e.Kind.Spec().ArgName; name != "" {
		s += " " + name + "=" + strconv.FormatUint(e.Arg, 10)
	}
	return s
}

// StoleArg packs the Arg of a [KindStole]: the victim and the number of tasks.
func StoleArg(victim PID, count int) uint64 {
	return uint64(uint32(victim))<<32 | uint64(uint32(count))
}

// Stole unpacks the Arg of a [KindStole].
func (e Event) Stole() (victim PID, count int) {
	return PID(int32(e.Arg >> 32)), int(uint32(e.Arg))
}
