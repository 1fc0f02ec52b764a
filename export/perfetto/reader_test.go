package perfetto

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// track is what a trace has of a track.
type track struct {
	name   string
	parent *track
	counts bool
	slices []slice
	values []int64
}

// path is the names of a track and of those above it, below the process.
func (t *track) path() string {
	if t.parent == nil || t.parent.parent == nil {
		return t.name
	}
	return t.parent.path() + "/" + t.name
}

// slice is a slice, or an instant, of a track.
type slice struct {
	name       string
	begin, end uint64
	args       string
	flows      []uint64
	instant    bool
}

func (s slice) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d-%d %s %s", s.begin, s.end, s.name, s.args))
}

// step is a place of a flow.
type step struct {
	at   uint64
	last bool
}

// reader checks a trace packet by packet, as Perfetto would read it.
type reader struct {
	*testing.T
	names, args, texts map[uint64]string
	tracks             map[uint64]*track
	flows              map[uint64][]step
	events             []packet
	part               bool // it is of a part of a recording: flows may have lost an end
}

type packet struct {
	at uint64
	m  protoreflect.Message
}

// read checks a trace and returns what it has.
func read(t *testing.T, data []byte) *reader { return readPart(t, data, false) }

func readPart(t *testing.T, data []byte, part bool) *reader {
	t.Helper()
	r := &reader{
		T: t, part: part, names: make(map[uint64]string), args: make(map[uint64]string), texts: make(map[uint64]string),
		tracks: make(map[uint64]*track), flows: make(map[uint64][]step),
	}
	packets, _ := get(decode(t, data), "packet")
	for i := range packets.List().Len() {
		r.packet(i, packets.List().Get(i).Message())
	}
	// Perfetto sorts by time what it reads, and leaves the order of what is of the same time.
	slices.SortStableFunc(r.events, func(a, b packet) int { return cmp.Compare(a.at, b.at) })
	open := make(map[*track][]int)
	for _, e := range r.events {
		r.event(e, open)
	}
	for of, left := range open {
		if len(left) != 0 {
			t.Errorf("%d slices on %s are never ended", len(left), of.path())
		}
	}
	for id, steps := range r.flows {
		if !r.part && len(steps) < 2 || len(steps) > 3 {
			t.Errorf("flow %d has %d steps: %v", id, len(steps), steps)
		}
		for i, s := range steps {
			if s.last && i != len(steps)-1 || i > 0 && s.at < steps[i-1].at {
				t.Errorf("flow %d goes on after it ended, or goes back: %v", id, steps)
			}
		}
	}
	return r
}

func (r *reader) packet(i int, m protoreflect.Message) {
	if num(m, "trusted_packet_sequence_id") == 0 {
		r.Errorf("packet %d is of no sequence", i)
	}
	if flags := num(m, "sequence_flags"); (i == 0) != (flags&1 != 0) || (i != 0) != (flags&2 != 0) {
		r.Errorf("packet %d has the flags %d", i, flags)
	}
	if v, ok := get(m, "interned_data"); ok {
		r.intern(v.Message(), "event_names", "name", r.names)
		r.intern(v.Message(), "debug_annotation_names", "name", r.args)
		r.intern(v.Message(), "debug_annotation_string_values", "str", r.texts)
	}
	d, declares := get(m, "track_descriptor")
	e, happens := get(m, "track_event")
	if declares == happens {
		r.Fatalf("packet %d is neither a track nor an event: %v", i, m)
	}
	if declares {
		r.declare(d.Message())
		return
	}
	v, ok := get(m, "timestamp")
	if !ok {
		r.Errorf("packet %d has no time", i)
	}
	if r.tracks[num(e.Message(), "track_uuid")] == nil {
		r.Fatalf("packet %d is about a track that hasn't been declared", i)
	}
	r.events = append(r.events, packet{v.Uint(), e.Message()})
}

func (r *reader) intern(data protoreflect.Message, list, name string, to map[uint64]string) {
	all, _ := get(data, list)
	for i := range all.List().Len() {
		m := all.List().Get(i).Message()
		v, _ := get(m, name)
		text, ok := v.Interface().(string)
		if !ok {
			text = string(v.Bytes())
		}
		id := num(m, "iid")
		if _, again := to[id]; id == 0 || again {
			r.Errorf("%q has the number %d, which is 0 or taken", text, id)
		}
		to[id] = text
	}
}

func (r *reader) declare(d protoreflect.Message) {
	id := num(d, "uuid")
	if id == 0 || r.tracks[id] != nil {
		r.Errorf("track %d is declared twice, or is 0", id)
	}
	of := new(track)
	if v, ok := get(d, "process"); ok {
		name, _ := get(v.Message(), "process_name")
		of.name = name.String()
		r.tracks[id] = of
		return
	}
	name, _ := get(d, "name")
	of.name, of.parent = name.String(), r.tracks[num(d, "parent_uuid")]
	if of.name == "" || of.parent == nil {
		r.Errorf("track %d is called %q, and its parent isn't there: %v", id, of.name, of.parent == nil)
	}
	_, of.counts = get(d, "counter")
	r.tracks[id] = of
}

func (r *reader) event(e packet, open map[*track][]int) {
	of := r.tracks[num(e.m, "track_uuid")]
	typ := num(e.m, "type")
	if of.counts != (typ == typeCounter) {
		r.Fatalf("an event of type %d on %s", typ, of.path())
	}
	switch typ {
	case typeBegin, typeInstant:
		s := slice{name: r.name(e.m), begin: e.at, end: e.at, args: r.annotations(e.m), instant: typ == typeInstant}
		if s.name == "" {
			r.Errorf("a slice on %s has no name", of.path())
		}
		s.flows = r.flow(e, "flow_ids", false)
		s.flows = append(s.flows, r.flow(e, "terminating_flow_ids", true)...)
		of.slices = append(of.slices, s)
		if typ == typeBegin {
			open[of] = append(open[of], len(of.slices)-1)
		}
	case typeEnd:
		n := len(open[of])
		if n == 0 {
			r.Fatalf("an end on %s at %d, where nothing is open", of.path(), e.at)
		}
		of.slices[open[of][n-1]].end = e.at
		open[of] = open[of][:n-1]
	case typeCounter:
		v := int64(num(e.m, "counter_value"))
		if v < 0 {
			r.Errorf("%s is %d", of.path(), v)
		}
		of.values = append(of.values, v)
	default:
		r.Errorf("an event of type %d", typ)
	}
}

func (r *reader) flow(e packet, field string, last bool) (ids []uint64) {
	list, _ := get(e.m, field)
	for i := range list.List().Len() {
		id := list.List().Get(i).Uint()
		r.flows[id] = append(r.flows[id], step{e.at, last})
		ids = append(ids, id)
	}
	return ids
}

func (r *reader) name(e protoreflect.Message) string {
	if v, ok := get(e, "name"); ok {
		return v.String()
	}
	return r.names[num(e, "name_iid")]
}

func (r *reader) annotations(e protoreflect.Message) string {
	var words []string
	list, _ := get(e, "debug_annotations")
	for i := range list.List().Len() {
		a := list.List().Get(i).Message()
		name := r.args[num(a, "name_iid")]
		value := r.texts[num(a, "string_value_iid")]
		if v, ok := get(a, "uint_value"); ok {
			value = fmt.Sprint(v.Uint())
		}
		if name == "" || value == "" {
			r.Errorf("an argument is called %q and is %q", name, value)
		}
		words = append(words, name+"="+value)
	}
	return strings.Join(words, " ")
}

// at returns the track with that path, nil if there is none.
func (r *reader) at(path string) *track {
	for _, of := range r.tracks {
		if of.path() == path {
			return of
		}
	}
	return nil
}

// total adds up the slices that are below a path, and whose names begin with one of the
// given ones.
func (r *reader) total(path string, names ...string) (sum int64) {
	for _, of := range r.tracks {
		if !strings.HasPrefix(of.path(), path) || of.name == "regions" {
			continue
		}
		for _, s := range of.slices {
			if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(s.name, n) }) {
				sum += int64(s.end - s.begin)
			}
		}
	}
	return sum
}
