package event

import (
	"errors"
	"io"
	"iter"
	"slices"
)

// Source is a stream of events: of a recording, or of a scheduler that runs. It is used
// by one goroutine.
type Source interface {
	// Info tells what the source is and what it can't see. It doesn't change after the
	// first Read.
	Info() Info

	// Read puts the next events into dst, in an order in which they may have happened,
	// and returns how many. It may block until there are some. When there are no more,
	// the error is io.EOF; any other error says what is wrong, and where. Events may
	// come along with an error, and are as good as any; after an error there are no
	// more.
	Read(dst []Event) (int, error)

	// Symbols holds the strings and stacks that the events name. It grows while
	// events are read.
	Symbols() *Symbols

	// Close frees what the source has. It may be called at any time, and twice.
	Close() error
}

// Info describes a [Source].
type Info struct {
	Name  string // what it is, for people: "Go 1.26 execution trace"
	Sort  string // a short word for programs: "go", "runq"
	Blind Blind  // what the source never sees

	// Mono is the machine's monotonic clock (CLOCK_MONOTONIC, on Linux) at Time 0 of the
	// events, in ns; 0: not known.
	Mono int64
}

// Blind is a set of things that a source can't see. What isn't in it, the source tells
// of, unless it was lost.
type Blind uint32

// The things that a source may not see.
const (
	BlindTimerWaker Blind = 1 << iota // which timer or descriptor readied a task: only that no task did
	BlindQueues                       // in whose queue a task is: only whose thread put it there
	BlindSteals                       // that tasks move from queue to queue
	BlindThreads                      // when threads begin, sleep, spin, and end
	BlindKernel                       // whether a thread is on a CPU, waits for one, or is throttled
	BlindCalls                        // which blocking call it is, but for the stack
	BlindObjects                      // which channel or lock a task waits for
	BlindStacks                       // where in the program anything happens
	BlindStopped                      // when all of the world stands still: only when it was asked to
	numBlind        = iota
)

var blindTexts = [numBlind]string{
	"which timer or descriptor readied a task (only that no task did)",
	"in whose run queue a task waits (only whose thread put it into one)",
	"when a task moves from one run queue to another",
	"when threads begin, sleep, spin and end",
	"whether a thread is on a CPU, waits for one, or is throttled",
	"which blocking call a task is in (only the stack that led there)",
	"which channel, lock or other object a task waits for",
	"where in the program things happen",
	"when the whole world stands still (only when it is asked to)",
}

// Texts says in words what is in the set.
func (b Blind) Texts() (texts []string) {
	for i, text := range blindTexts {
		if b&(1<<i) != 0 {
			texts = append(texts, text)
		}
	}
	return texts
}

// batch is how many events All reads at once: enough that a Read costs little for each,
// few enough that they stay in a core's cache.
const batch = 512

// All returns the events of a source, one by one. If reading ends with an error other
// than io.EOF, that comes last, with a zero Event.
func All(src Source) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		buf := make([]Event, batch)
		for {
			n, err := src.Read(buf)
			for _, e := range buf[:n] {
				if !yield(e, nil) {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// list is a Source of events that are all there.
type list struct {
	events  []Event
	info    Info
	symbols *Symbols
}

// NewList returns a source of the given events, in their order. symbols may be nil: then
// the events name none.
func NewList(info Info, symbols *Symbols, events []Event) Source {
	if symbols == nil {
		symbols = new(Symbols)
	}
	return &list{events: slices.Clip(events), info: info, symbols: symbols}
}

func (l *list) Info() Info        { return l.info }
func (l *list) Symbols() *Symbols { return l.symbols }
func (l *list) Close() error      { return nil }

func (l *list) Read(dst []Event) (int, error) {
	if len(l.events) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, l.events)
	l.events = l.events[n:]
	return n, nil
}
