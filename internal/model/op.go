package model

// Op is what a thread does at a choice point.
type Op uint8

// The operations. Those up to OpPeek leave the location as it is.
const (
	OpStart Op = iota
	OpEnd
	OpYield
	OpChoose
	OpJoin
	OpLoad
	OpGet
	OpStore
	OpAdd
	OpSwap
	OpCAS
	OpLock
	OpTryLock
	OpUnlock
	OpWake
	OpSleep
	OpOpen
	OpWait
	OpPut
	OpPutEnd
)

var opNames = [...]string{
	OpStart: "start", OpEnd: "end", OpYield: "yield", OpChoose: "Choose", OpJoin: "Join",
	OpLoad: "Load", OpGet: "Get", OpStore: "Store", OpAdd: "Add", OpSwap: "Swap", OpCAS: "CompareAndSwap",
	OpLock: "Lock", OpTryLock: "TryLock", OpUnlock: "Unlock", OpWake: "Wake", OpSleep: "Sleep",
	OpOpen: "Open", OpWait: "Wait", OpPut: "Put", OpPutEnd: "Put (end)",
}

func (op Op) String() string { return opNames[op] }

// reads tells whether the operation leaves its location as it is.
func (op Op) reads() bool { return op <= OpGet }

// Loc is a location: the part of a shared object by which the checker knows it. The
// zero Loc is ready for use.
type Loc struct {
	run uint32 // the execution that id belongs to
	id  int32  // by order of first use
}

// At is the choice point before an operation on l; kind is the name of the object's
// type, or a value of the atomic type in it. It returns nil unless the execution is being recorded: then it is where
// the values go. Without an execution At does nothing.
func (l *Loc) At(kind any, op Op) *Row {
	x := current.Load()
	if x == nil {
		return nil
	}
	return x.point(kind, op, l)
}

// Event is a location that threads may have to wait for.
type Event struct {
	Loc
	Shut bool // who waits can't go on; changed by the threads of an execution
}

// Await is the choice point before an operation that can take place only when e
// isn't shut, or when also, if it isn't nil, says so. With timed, the wait may end
// without either. Await tells whether it was e or also that ended it. An execution
// must be under way.
func (e *Event) Await(kind any, op Op, timed bool, also func() bool) (ready bool) {
	x := Current()
	t := x.cur
	t.event, t.timed, t.also = e, timed, also
	row := x.point(kind, op, &e.Loc)
	ready = t.ready()
	t.event, t.timed, t.also = nil, false, nil
	if row != nil && !ready {
		row.Text = "timed out"
	}
	return ready
}
