package jsonout

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// Events writes events as JSON, one object a line: an analyze.Pass. The first line is
// about the recording, and the last one about how it ended; a stack has a line of its own
// before the first event that names it.
type Events struct {
	analyze.Base
	w       *bufio.Writer
	enc     *json.Encoder
	begun   bool
	written []uint64 // a bit for each stack that has been
	frames  []event.Frame
	line    eventLine
	p, m    int32 // what line.P and line.M point to
	victim  int32
	arg     uint64
	err     error
}

// recordingLine is the first line.
type recordingLine struct {
	Type    string   `json:"type" doc:"\"recording\""`
	Format  string   `json:"format" doc:"\"runq-events\""`
	Version int      `json:"version" doc:"of this schema"`
	Source  string   `json:"source" doc:"what was read"`
	Sort    string   `json:"sort" doc:"the same in a word: \"go\", \"runq\""`
	Blind   []string `json:"blind" doc:"what the source can't see, in words"`
	Mono    int64    `json:"monotonic_ns,omitempty" doc:"the machine's monotonic clock at t 0, if known"`
}

// stackLine is a call stack.
type stackLine struct {
	Type   string      `json:"type" doc:"\"stack\""`
	Stack  uint32      `json:"stack" doc:"its number, by which events name it"`
	Frames []frameJSON `json:"frames" doc:"its calls, the innermost first"`
}

type frameJSON struct {
	Func string `json:"func" doc:"the function, with its package"`
	File string `json:"file,omitempty" doc:"where that is, if known"`
	Line int    `json:"line,omitempty" doc:"the line, if known"`
}

// eventLine is an event. Of the members after by, an event has those that its kind has.
type eventLine struct {
	Type   string  `json:"type" doc:"\"event\""`
	Time   int64   `json:"t" doc:"when, in ns from the first event; below 0 or out of order only where it is coarse"`
	Coarse bool    `json:"coarse,omitempty" doc:"t is exact only to the beat of a coarse clock"`
	Kind   string  `json:"kind" doc:"what happened: a name of the table below"`
	Task   uint64  `json:"task,omitempty" doc:"the task that it is about; missing: none"`
	Seq    uint32  `json:"seq,omitempty" doc:"which one it is of that task's events, from 1"`
	P      *int32  `json:"p,omitempty" doc:"the P; missing: none, or not known"`
	M      *int32  `json:"m,omitempty" doc:"the thread; missing: none, or not known"`
	Reason string  `json:"reason,omitempty" doc:"why it happened, if the kind has reasons"`
	Stack  uint32  `json:"stack,omitempty" doc:"where the task was; missing: not known"`
	By     uint32  `json:"by,omitempty" doc:"where the one was who did it to the task; missing: not known"`
	Parent uint64  `json:"parent,omitempty" doc:"the task that created it; missing: none did"`
	Waker  uint64  `json:"waker,omitempty" doc:"the task that readied it; missing: none did"`
	Object string  `json:"object,omitempty" doc:"the address of what it waits for, in hexadecimal"`
	Why    string  `json:"why,omitempty" doc:"why the world is stopped"`
	Name   string  `json:"name,omitempty" doc:"of the region"`
	NS     *uint64 `json:"ns,omitempty" doc:"how long it took until everything stood still, in ns"`
	N      *uint64 `json:"n,omitempty" doc:"the new number of Ps"`
	Lost   *uint64 `json:"lost,omitempty" doc:"how many events are missing; without a task, 0 ends the stretch that has losses"`
	CPUs   *uint64 `json:"cpus,omitempty" doc:"how many CPUs' time background work may use, in millionths; all ones: as much as there is"`
	Victim *int32  `json:"victim,omitempty" doc:"the P that was robbed"`
	Count  int     `json:"count,omitempty" doc:"of how many tasks"`
}

// endLine is the last line.
type endLine struct {
	Type    string `json:"type" doc:"\"end\""`
	Events  uint64 `json:"events" doc:"how many there were"`
	Length  int64  `json:"length_ns" doc:"from the first to the last"`
	Losses  uint64 `json:"losses" doc:"stretches in which events are missing"`
	Omitted uint64 `json:"omitted,omitempty" doc:"how many strings and stacks found no room"`
}

// bufferSize is how much is collected before it is written: enough that a system call
// costs nothing by comparison.
const bufferSize = 64 << 10

// NewEvents returns a pass that writes to w while the recording is read. If w fails, what
// comes later is dropped, and Err says so.
func NewEvents(w io.Writer) *Events {
	e := &Events{w: bufio.NewWriterSize(w, bufferSize)}
	e.enc = json.NewEncoder(e.w)
	e.enc.SetEscapeHTML(false)
	return e
}

// Err returns the first error of the writer, nil if everything has been written. It is
// known for certain when analyze.Run has returned.
func (x *Events) Err() error { return x.err }

func (x *Events) write(line any) {
	if x.err == nil {
		x.err = x.enc.Encode(line)
	}
}

func (x *Events) begin(w *analyze.World) {
	if x.begun {
		return
	}
	x.begun = true
	blind := w.Info.Blind.Texts()
	x.write(recordingLine{
		Type: "recording", Format: "runq-events", Version: Version, Source: w.Info.Name, Sort: w.Info.Sort,
		Blind: each(blind, same[string]), Mono: mono(w),
	})
}

// mono returns the monotonic clock at the first event, 0 if it isn't known.
func mono(w *analyze.World) int64 {
	if w.Info.Mono == 0 {
		return 0
	}
	return w.Info.Mono + w.Start
}

// Event implements analyze.Pass.
func (x *Events) Event(w *analyze.World, e *event.Event, _ *analyze.Task) {
	x.begin(w)
	x.stack(w, e.Stack)
	x.stack(w, e.By)
	x.p, x.m = int32(e.P), int32(e.M)
	l := &x.line
	*l = eventLine{
		Type: "event", Time: e.Time - w.Start, Coarse: e.Coarse, Kind: e.Kind.String(), Task: uint64(e.Task), Seq: e.Seq,
		Stack: uint32(e.Stack), By: uint32(e.By),
	}
	if e.P != event.NoP {
		l.P = &x.p
	}
	if e.M != event.NoM {
		l.M = &x.m
	}
	if e.Reason != event.ReasonNone {
		l.Reason = e.Reason.String()
	}
	x.argument(w, e)
	x.write(l)
}

// argument sets what the event's Arg means.
func (x *Events) argument(w *analyze.World, e *event.Event) {
	l := &x.line
	x.arg = e.Arg
	switch e.Kind.Spec().ArgName {
	case "parent":
		l.Parent = e.Arg
	case "waker":
		l.Waker = e.Arg
	case "object":
		if e.Arg != 0 {
			l.Object = fmt.Sprintf("%#x", e.Arg)
		}
	case "why":
		l.Why = w.Symbols.String(event.StringID(e.Arg))
	case "name":
		l.Name = w.Symbols.String(event.StringID(e.Arg))
	case "ns":
		l.NS = &x.arg
	case "n":
		l.N = &x.arg
	case "lost":
		l.Lost = &x.arg
	case "cpus":
		l.CPUs = &x.arg
	case "victim<<32|count":
		victim, count := e.Stole()
		x.victim = int32(victim)
		l.Victim, l.Count = &x.victim, count
	}
}

// stack writes a stack, unless it has been written.
func (x *Events) stack(w *analyze.World, id event.StackID) {
	if id == 0 || id > event.MaxSymbols {
		return
	}
	for int(id/64) >= len(x.written) {
		x.written = append(x.written, 0)
	}
	if x.written[id/64]&(1<<(id%64)) != 0 {
		return
	}
	x.written[id/64] |= 1 << (id % 64)
	x.frames = w.Symbols.Frames(x.frames[:0], id)
	x.write(stackLine{Type: "stack", Stack: uint32(id), Frames: each(x.frames, func(f *event.Frame) frameJSON {
		return frameJSON{Func: f.Func, File: f.File, Line: f.Line}
	})})
}

// End implements analyze.Pass.
func (x *Events) End(w *analyze.World) {
	x.begin(w)
	x.write(endLine{Type: "end", Events: w.Events, Length: w.Now - w.Start, Losses: w.Losses, Omitted: w.Symbols.Omitted()})
	if x.err == nil {
		x.err = x.w.Flush()
	}
}
