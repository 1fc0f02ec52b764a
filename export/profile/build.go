package profile

import (
	"cmp"
	"slices"

	"github.com/google/pprof/profile"

	"github.com/runq-go/runq/event"
)

// builder makes a profile.
type builder struct {
	of        *profile.Profile
	symbols   *event.Symbols
	functions map[function]*profile.Function
	locations map[event.Frame]*profile.Location
	frames    []event.Frame // scratch
}

// function is what makes a function one of a profile's.
type function struct{ name, file string }

// build makes a profile of one section of the waits. stack says what to show where a key
// has no stack, and how to label it.
func (p *Pass) build(what string, from sums, section func(*sum) value, name func(b *builder, k *key) (without string, labels map[string][]string)) *profile.Profile {
	b := &builder{
		symbols: p.symbols, functions: make(map[function]*profile.Function), locations: make(map[event.Frame]*profile.Location),
		of: &profile.Profile{
			SampleType:        []*profile.ValueType{{Type: "waits", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}},
			DefaultSampleType: "delay",
			PeriodType:        &profile.ValueType{Type: "waits", Unit: "count"},
			Period:            1, // every wait is counted
			DurationNanos:     p.length,
			Comments:          []string{what, p.source},
		},
	}
	keys := make([]key, 0, len(from))
	for k, s := range from {
		if section(s).times != 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(section(from[b]).ns, section(from[a]).ns), compare(&a, &b))
	})
	for i := range keys {
		k := &keys[i]
		without, labels := name(b, k)
		v := section(from[*k])
		b.of.Sample = append(b.of.Sample, &profile.Sample{Location: b.stack(k.stack, without), Value: []int64{v.times, v.ns}, Label: labels})
	}
	return b.of
}

// compare gives keys an order, so that the same recording makes the same profile.
func compare(a, b *key) int {
	return cmp.Or(cmp.Compare(a.stack, b.stack), cmp.Compare(a.group, b.group), cmp.Compare(a.why.Kind, b.why.Kind),
		cmp.Compare(a.why.Reason, b.why.Reason), cmp.Compare(a.by, b.by), cmp.Compare(a.how, b.how))
}

func (b *builder) waiter(k *key) (string, map[string][]string) {
	return "(stack not known)", map[string][]string{"group": {b.text(k.group)}, "reason": {k.why.String()}}
}

func (b *builder) waker(k *key) (string, map[string][]string) {
	_, labels := b.waiter(k)
	by := b.text(k.by)
	without := "(stack not known)"
	switch {
	case k.nobody:
		by, without = "(nobody)", "(nobody had to wake it: "+k.why.String()+")"
	case k.how == event.ReasonNone: // it was created
	case k.how != event.ReasonWakeTask:
		by = wakerNames[k.how]
		if by == "" {
			by = "(" + k.how.String() + ")"
		}
		without = by
	}
	labels["by"] = []string{by}
	return without, labels
}

// wakerNames are the wakers that aren't tasks.
var wakerNames = map[event.Reason]string{
	event.ReasonWakeTimer:    "(a timer)",
	event.ReasonWakePoller:   "(the network poller)",
	event.ReasonWakeContext:  "(a context)",
	event.ReasonWakeOutside:  "(an ordinary goroutine)",
	event.ReasonWakeRuntime:  "(the runtime)",
	event.ReasonWakeDeadlock: "(the runtime)",
}

func (b *builder) text(id event.StringID) string {
	if text := b.symbols.String(id); text != "" {
		return text
	}
	return "(unknown)"
}

// stack returns the locations of a stack, the innermost one first; if there is none, one
// with that name.
func (b *builder) stack(id event.StackID, without string) []*profile.Location {
	b.frames = b.symbols.Frames(b.frames[:0], id)
	if len(b.frames) == 0 {
		b.frames = append(b.frames, event.Frame{Func: without})
	}
	at := make([]*profile.Location, len(b.frames))
	for i, f := range b.frames {
		at[i] = b.location(f)
	}
	return at
}

func (b *builder) location(f event.Frame) *profile.Location {
	if at := b.locations[f]; at != nil {
		return at
	}
	of := function{f.Func, f.File}
	fn := b.functions[of]
	if fn == nil {
		fn = &profile.Function{ID: uint64(len(b.of.Function) + 1), Name: f.Func, SystemName: f.Func, Filename: f.File}
		b.functions[of] = fn
		b.of.Function = append(b.of.Function, fn)
	}
	at := &profile.Location{ID: uint64(len(b.of.Location) + 1), Line: []profile.Line{{Function: fn, Line: int64(f.Line)}}}
	b.locations[f] = at
	b.of.Location = append(b.of.Location, at)
	return at
}
