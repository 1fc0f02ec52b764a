// Package eventtext writes and reads events as text, one a line, for tests of what reads
// events, and for people.
//
//	# P0 runs a hog while G2 waits.
//	0     ProcSeen    P0 M1
//	0     TaskSeenRunning G1 P0 M1 stack=main.hog@hog.go:7
//	1ms   TaskCreated G2 P0 M1 parent=G1 stack=main.worker@w.go:3 by=main.hog@hog.go:9
//	12ms  TaskYielded G1 P0 M1 Preempted
//	12ms  TaskStarted G2 P0 M1
//
// A line is the time, the kind, and what the event has of the rest, in any order:
//
//   - the time is a number of ns, or a number with a unit (ns, us, µs, ms, s); a tilde
//     before it marks a coarse one;
//   - the kind is that of event.Specs;
//   - G7, P1 and M3 are the task, the P and the thread;
//   - the name of a reason;
//   - arg=7 is the argument, in any base that Go writes. Instead of arg there may be the
//     name that event.Specs has for it, and a task's or a P's name as the value; where the
//     argument is a string's number, why=text and name=text have the string itself, without
//     spaces;
//   - stack= and by= are the stacks, the innermost frame first, with "<" between frames:
//     main.f@f.go:3<main.main@main.go:9, where "@" and what follows may be missing.
//
// What follows a "#" is a comment, and empty lines don't count. The Seq of a task's events
// isn't written: they are numbered as they come, from 1.
package eventtext

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/runq-go/runq/event"
)

// Parse reads events. The error says in which line it is, and what is wrong with it.
func Parse(text string) ([]event.Event, *event.Symbols, error) {
	p := parser{symbols: new(event.Symbols), seqs: make(map[event.TaskID]uint32)}
	var events []event.Event
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		e, err := p.event(words)
		if err != nil {
			return events, p.symbols, fmt.Errorf("line %d: %w", i+1, err)
		}
		events = append(events, e)
	}
	return events, p.symbols, nil
}

type parser struct {
	symbols *event.Symbols
	seqs    map[event.TaskID]uint32
}

var (
	kinds   = make(map[string]event.Kind)
	reasons = make(map[string]event.Reason)
)

func init() {
	for k := event.KindNone + 1; k.Spec() != event.KindNone.Spec(); k++ {
		kinds[k.String()] = k
	}
	for r := event.ReasonNone + 1; r.Class() != 0; r++ {
		reasons[r.String()] = r
	}
}

func (p *parser) event(words []string) (e event.Event, err error) {
	e.P, e.M = event.NoP, event.NoM
	at, coarse := strings.CutPrefix(words[0], "~")
	e.Coarse = coarse
	if e.Time, err = when(at); err != nil {
		return e, err
	}
	if len(words) == 1 {
		return e, fmt.Errorf("there is a time, %s, but no kind of event", at)
	}
	kind, ok := kinds[words[1]]
	if !ok {
		return e, fmt.Errorf("%q is no kind of event: event.Specs has them", words[1])
	}
	e.Kind = kind
	for _, word := range words[2:] {
		if err := p.field(&e, word); err != nil {
			return e, err
		}
	}
	if kind.Spec().IsTask() {
		p.seqs[e.Task]++
		e.Seq = p.seqs[e.Task]
	}
	return e, nil
}

// units are the units of time, in ns. A unit comes before those that it ends with.
var units = [...]struct {
	name string
	ns   float64
}{{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}

func when(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			if x, err := strconv.ParseFloat(number, 64); err == nil && math.Abs(x*u.ns) < 1<<62 {
				return int64(math.Round(x * u.ns)), nil
			}
			break
		}
	}
	return 0, fmt.Errorf("%q is no time: it should be a number of ns, or one with a unit, such as 1.5ms", text)
}

func (p *parser) field(e *event.Event, word string) error {
	if key, value, ok := strings.Cut(word, "="); ok {
		return p.keyed(e, key, value)
	}
	if r, ok := reasons[word]; ok {
		e.Reason = r
		return nil
	}
	n, err := name(word)
	if err != nil {
		return err
	}
	switch word[0] {
	case 'G':
		e.Task = event.TaskID(n)
	case 'P':
		e.P = event.PID(n)
	case 'M':
		e.M = event.MID(n)
	}
	return nil
}

// name reads G7, P7 or M7.
func name(word string) (uint64, error) {
	if !strings.ContainsRune("GPM", rune(word[0])) {
		return 0, fmt.Errorf("%q is neither a task (G1), a P (P1), a thread (M1), a reason, nor key=value", word)
	}
	n, err := strconv.ParseUint(word[1:], 10, 63)
	if err != nil || word[0] != 'G' && n > 1<<31-1 {
		return 0, fmt.Errorf("%q: after %c there should be a number", word, word[0])
	}
	return n, nil
}

func (p *parser) keyed(e *event.Event, key, value string) error {
	switch key {
	case "stack":
		return p.stack(&e.Stack, value)
	case "by":
		return p.stack(&e.By, value)
	case "arg", e.Kind.Spec().ArgName:
		return p.arg(e, key, value)
	}
	return fmt.Errorf("%q: %v has no %s", key+"="+value, e.Kind, key)
}

// hasString tells whether the argument of a kind is a string's number.
func hasString(k event.Kind) bool {
	return k == event.KindStopAsked || k == event.KindRegionBegin || k == event.KindRegionEnd
}

func (p *parser) arg(e *event.Event, key, value string) error {
	if key != "arg" && hasString(e.Kind) {
		e.Arg = uint64(p.symbols.Intern(value))
		return nil
	}
	n, err := strconv.ParseUint(value, 0, 64)
	if err != nil && value != "" {
		n, err = name(value)
	}
	if err != nil || value == "" {
		return fmt.Errorf("%s=%s: there should be a number, or a name such as G1", key, value)
	}
	e.Arg = n
	return nil
}

func (p *parser) stack(to *event.StackID, text string) error {
	var frames []event.Frame
	for frame := range strings.SplitSeq(text, "<") {
		fn, at, has := strings.Cut(frame, "@")
		f := event.Frame{Func: fn}
		if has {
			colon := strings.LastIndexByte(at, ':')
			line, err := strconv.Atoi(at[colon+1:])
			if colon < 0 || err != nil {
				return fmt.Errorf("%q: after the @ there should be a file and a line, f.go:3", frame)
			}
			f.File, f.Line = at[:colon], line
		}
		frames = append(frames, f)
	}
	*to = p.symbols.InternStack(frames)
	return nil
}

// Format writes an event as a line that [Parse] reads, without a line end. symbols may be
// nil: then stacks are left out.
func Format(e event.Event, symbols *event.Symbols) string {
	var b strings.Builder
	if e.Coarse {
		b.WriteByte('~')
	}
	fmt.Fprintf(&b, "%d %v", e.Time, e.Kind)
	if e.Task != event.NoTask {
		fmt.Fprintf(&b, " %v", e.Task)
	}
	if e.P != event.NoP {
		fmt.Fprintf(&b, " %v", e.P)
	}
	if e.M != event.NoM {
		fmt.Fprintf(&b, " %v", e.M)
	}
	if e.Reason != event.ReasonNone {
		fmt.Fprintf(&b, " %v", e.Reason)
	}
	formatArg(&b, e, symbols)
	formatStack(&b, " stack=", e.Stack, symbols)
	formatStack(&b, " by=", e.By, symbols)
	return b.String()
}

func formatArg(b *strings.Builder, e event.Event, symbols *event.Symbols) {
	key := e.Kind.Spec().ArgName
	switch text := symbols.String(event.StringID(e.Arg)); {
	case e.Arg == 0:
	case hasString(e.Kind) && text != "" && !strings.ContainsAny(text, " \t\n#"):
		fmt.Fprintf(b, " %s=%s", key, text)
	case key == "parent" || key == "waker":
		fmt.Fprintf(b, " %s=G%d", key, e.Arg)
	default:
		fmt.Fprintf(b, " arg=%d", e.Arg)
	}
}

func formatStack(b *strings.Builder, key string, id event.StackID, symbols *event.Symbols) {
	for i, f := range symbols.Frames(nil, id) {
		if i == 0 {
			b.WriteString(key)
		} else {
			b.WriteByte('<')
		}
		b.WriteString(f.Func)
		if f.File != "" {
			fmt.Fprintf(b, "@%s:%d", f.File, f.Line)
		}
	}
}
