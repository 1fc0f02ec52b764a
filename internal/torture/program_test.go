package torture

import (
	"fmt"
	"strings"
	"time"
)

// op is a step of a program, and with what is below it a part of the tree that the
// program is. It is data alone: reference_test.go says what it must come to,
// run_test.go does it.
type op struct {
	id   int // position in the tree as generated; the root is 0
	kind kind
	n    int           // how many, how deep, how often; what that means is the kind's
	d    time.Duration // how long
	how  int           // variant, of those that the kind has
	fl   flags
	kids []*op
}

type kind uint8

// Where an op may stand: in the root, in a group, or in the body of a task.
const (
	kRoot kind = iota

	// In the root: each has a goroutine of its own.
	kRun     // Scheduler.Run; the kids are the task's body
	kGo      // Scheduler.Go; the kids are the task's body
	kOutside // a Group that an ordinary goroutine waits for; the kids are children
	kResize  // SetProcs, again and again; n is the seed of the numbers
	kLook    // Snapshot, SnapshotCheap, Stats, ReadEvents (how), again and again
	kClose   // Close or Shutdown (how) after d
	kStorm   // n groups of an ordinary goroutine, one after the other, of many tasks that sleep for d
	kKnot    // Run of a task that waits for others, n of them, which wait for each other

	kChild // a task of a group; the kids are its body

	// In a task's body.
	kSpawn      // Task.Go; the kids are the body
	kGroup      // a Group that the task waits for; the kids are children
	kLock       // LockThread around the kids; how 1: not undone
	kDeep       // the kids on a stack n frames deep
	kBurst      // n tasks; the kids are the body of each; how: detached, grouped, limited
	kRunInside  // Scheduler.Run of the kids, and a wait that the scheduler doesn't know of
	kGoInside   // Scheduler.Go of the kids
	kPair       // another task, and n messages back and forth over native channels
	kQuick      // n groups, one after the other, that are soon over; how: see quick
	kYield      // n times
	kCheckpoint // n times
	kSleep
	kSleepLong // until the context ends
	kBlock     // how: for nothing, asleep, reading a pipe, a panic inside
	kNative    // waits in ordinary Go; how: asleep, reading a pipe
	kHog       // computes for d
	kRecover   // a panic that is recovered from, with a wait on the way
	kLabel
	kJoinOwn // waits for the own group
	kEnd     // ends the task; how: see the end constants
	numKinds
)

var kindNames = [numKinds]string{
	"program", "Run", "Go", "group outside", "SetProcs", "look", "close", "storm", "knot", "child", "spawn", "group", "lock", "deep", "burst",
	"Run inside", "Go inside", "pair", "quick groups", "yield", "checkpoint", "sleep", "sleep until cancelled", "block", "native wait", "hog",
	"recover", "label", "wait for own group", "end",
}

// flags of a group.
type flags uint8

const (
	flagTry       flags = 1 << iota // TryGo, and Go where it refuses
	flagRelimit                     // SetLimit changes while the tasks run
	flagZero                        // the limit is 0 until all children are there
	flagPropagate                   // the task ends with the group's error
	flagCancel                      // the context is cancelled by the owner after the last Go
	flagBeside                      // the context is cancelled by another goroutine, after d
	flagTimeout                     // the context has a deadline, in d
	flagOther                       // the tasks run on another scheduler
)

const flagsCancel = flagCancel | flagBeside | flagTimeout

// How a task ends.
const (
	endError = iota
	endPanic
	endPanicInBlock
	endPanicDeferred // a deferred call waits meanwhile
	endGoexit
	endGoexitInBlock
	endGoexitDeferred
	numEnds
)

// Variants of kRun.
const (
	runPlain     = iota
	runCancelled // the context has ended before
	runRacing    // the context ends at about that time
)

// inBody tells whether an op of the kind may be in a task's body.
func (k kind) inBody() bool { return k > kChild }

// tasks tells whether the kids are the body of a task of its own.
func (k kind) tasks() bool {
	switch k {
	case kRun, kGo, kChild, kSpawn, kBurst, kRunInside, kGoInside:
		return true
	}
	return false
}

// groups tells whether the kids are tasks of a group.
func (k kind) groups() bool { return k == kGroup || k == kOutside }

// mayHold tells whether k may be a kid of o.
func (o *op) mayHold(k kind) bool {
	switch {
	case o.kind == kRoot:
		return k > kRoot && k < kChild
	case o.kind.groups():
		return k == kChild
	case o.kind.tasks(), o.kind == kLock, o.kind == kDeep:
		return k.inBody()
	}
	return false
}

// walk calls f for o and all below, in the order of their ids.
func (o *op) walk(f func(o *op)) {
	f(o)
	for _, k := range o.kids {
		k.walk(f)
	}
}

// elsewhere tells whether the program needs another scheduler.
func (o *op) elsewhere() (needs bool) {
	o.walk(func(o *op) { needs = needs || o.fl&flagOther != 0 })
	return needs
}

// count returns how many ops of the kind there are.
func (o *op) count(k kind) (n int) {
	o.walk(func(o *op) {
		if o.kind == k {
			n++
		}
	})
	return n
}

// size returns how many ops there are below o.
func (o *op) size() int {
	n := -1
	o.walk(func(*op) { n++ })
	return n
}

// filter returns the program without what isn't kept. Kids of an op that is gone
// move to the nearest ancestor that is kept, if they may stand there, or else are
// gone too: so every choice of ops is a program.
func (o *op) filter(keep keepSet) *op {
	root := *o
	root.kids = nil
	for _, k := range o.kids {
		k.filterInto(&root, keep, scope{})
	}
	return &root
}

// scope is what a place in the tree allows.
type scope struct {
	cancelled bool // the context of the task ends by itself
	child     bool // the task is one of a group
}

// enter returns the scope in o's kids.
func (sc scope) enter(o *op) scope {
	switch {
	case o.kind.groups():
		sc.cancelled = sc.cancelled || o.fl&flagsCancel != 0
	case o.kind == kChild:
		sc.child = true
	case o.kind == kRun, o.kind == kGo, o.kind == kRunInside, o.kind == kGoInside:
		sc = scope{}
	case o.kind == kBurst, o.kind == kSpawn:
		sc.child = false
	}
	return sc
}

func (sc scope) allows(k kind) bool {
	switch k {
	case kSleepLong:
		return sc.cancelled
	case kJoinOwn:
		return sc.child
	}
	return true
}

func (o *op) filterInto(parent *op, keep keepSet, sc scope) {
	n, kept := keep.get(o)
	if !kept || !parent.mayHold(o.kind) || !sc.allows(o.kind) {
		for _, k := range o.kids {
			k.filterInto(parent, keep, sc)
		}
		return
	}
	c := *o
	c.n, c.kids = n, nil
	for _, k := range o.kids {
		k.filterInto(&c, keep, sc.enter(&c))
	}
	parent.kids = append(parent.kids, &c)
}

// String shows the program as text, an op a line.
func (o *op) String() string {
	var b strings.Builder
	o.write(&b, 0)
	return b.String()
}

func (o *op) write(b *strings.Builder, depth int) {
	fmt.Fprintf(b, "%s%-4d %s%s\n", strings.Repeat("    ", depth), o.id, kindNames[o.kind], o.details())
	for _, k := range o.kids {
		k.write(b, depth+1)
	}
}

var flagNames = []string{"by TryGo", "limit changes", "limit 0 at first", "error ends the task", "cancelled by the owner", "cancelled beside", "deadline", "on another scheduler"}

var endNames = [numEnds]string{"error", "panic", "panic in Block", "panic, deferred wait", "Goexit", "Goexit in Block", "Goexit, deferred wait"}

var howNames = map[kind][]string{
	kRun:    {"", "context cancelled before", "context cancelled meanwhile"},
	kLook:   {"Snapshot", "SnapshotCheap", "Stats", "ReadEvents"},
	kClose:  {"Close", "Shutdown, with a deadline first", "two Closes at once"},
	kLock:   {"", "not undone"},
	kBurst:  {"detached", "in a group", "in a group with a limit"},
	kBlock:  {"for nothing", "asleep", "reading a pipe", "panic inside"},
	kNative: {"asleep", "reading a pipe"},
	kQuick:  {"with a limit", "whose tasks do nothing", "whose tasks sleep until cancelled", "of many tasks that sleep for a moment"},
	kEnd:    endNames[:],
}

func (o *op) details() string {
	var parts []string
	if names := howNames[o.kind]; names != nil && names[o.how] != "" {
		parts = append(parts, names[o.how])
	}
	switch o.kind {
	case kGroup, kOutside:
		parts = append(parts, fmt.Sprint("limit ", o.n))
	case kDeep, kBurst, kStorm, kPair, kQuick, kYield, kCheckpoint, kKnot:
		parts = append(parts, fmt.Sprint("n ", o.n))
	}
	if o.d != 0 {
		parts = append(parts, o.d.String())
	}
	for i, name := range flagNames {
		if o.fl&(1<<i) != 0 {
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
