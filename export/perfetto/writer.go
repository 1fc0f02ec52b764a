package perfetto

import (
	"bufio"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of the fields that are written. They are those of Perfetto's published
// definitions: protos/perfetto/trace/trace.proto, trace_packet.proto,
// interned_data/interned_data.proto, and in track_event/ track_event.proto,
// track_descriptor.proto, counter_descriptor.proto, process_descriptor.proto and
// debug_annotation.proto.
const (
	tracePacket protowire.Number = 1

	packetTimestamp       protowire.Number = 8  // uint64, ns
	packetSequence        protowire.Number = 10 // uint32
	packetTrackEvent      protowire.Number = 11 // TrackEvent
	packetInternedData    protowire.Number = 12 // InternedData
	packetSequenceFlags   protowire.Number = 13 // uint32
	packetTrackDescriptor protowire.Number = 60 // TrackDescriptor

	descriptorUUID     protowire.Number = 1  // uint64
	descriptorName     protowire.Number = 2  // string
	descriptorProcess  protowire.Number = 3  // ProcessDescriptor
	descriptorParent   protowire.Number = 5  // uint64
	descriptorCounter  protowire.Number = 8  // CounterDescriptor
	descriptorOrdering protowire.Number = 11 // enum
	descriptorRank     protowire.Number = 12 // int32

	processPID  protowire.Number = 1 // int32
	processName protowire.Number = 6 // string

	counterUnit protowire.Number = 3 // enum

	eventAnnotation  protowire.Number = 4  // DebugAnnotation
	eventType        protowire.Number = 9  // enum
	eventNameID      protowire.Number = 10 // uint64
	eventTrack       protowire.Number = 11 // uint64
	eventName        protowire.Number = 23 // string
	eventCounter     protowire.Number = 30 // int64
	eventFlow        protowire.Number = 47 // fixed64
	eventFlowEnds    protowire.Number = 48 // fixed64
	annotationNameID protowire.Number = 1  // uint64
	annotationNumber protowire.Number = 3  // uint64
	annotationText   protowire.Number = 6  // string
	annotationTextID protowire.Number = 17 // uint64

	internedEvents protowire.Number = 2  // EventName
	internedArgs   protowire.Number = 3  // DebugAnnotationName
	internedTexts  protowire.Number = 29 // InternedString

	internedID   protowire.Number = 1 // uint64
	internedText protowire.Number = 2 // string, or bytes
)

// The values of enums and flags that are written.
const (
	sequence     = 1 // there is one writer, so its number doesn't matter, but that it isn't 0
	stateCleared = 1 // nothing that was interned before counts
	stateNeeded  = 2 // without what was interned before, the packet means nothing

	typeBegin   = 1
	typeEnd     = 2
	typeInstant = 3
	typeCounter = 4

	unitCount = 2
)

// writer makes packets. Each of those of events is built by a call of begin or instant,
// any of number, text and flow, and a call of done.
type writer struct {
	w      *bufio.Writer
	names  names
	uuids  uint64               // how many tracks there are
	unused map[uint64]unwritten // of them, those that nothing has been written about
	held   *held                // what is held back until the part begins that is to be written; nil: it has
	some   bool                 // packets have been written
	err    error

	time   uint64 // of the event that is being built
	typ    int    // the same
	on     uint64 // the same: its track
	body   []byte // the same: TrackEvent
	inner  []byte // scratch: a message in body
	packet []byte // scratch
}

// bufferSize is how much is collected before it is written: enough that a system call
// costs nothing by comparison.
const bufferSize = 64 << 10

func newWriter(w io.Writer) *writer {
	return &writer{w: bufio.NewWriterSize(w, bufferSize), unused: make(map[uint64]unwritten)}
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

// emit writes a packet with one message in it, and with what has been interned since the
// last one.
func (o *writer) emit(field protowire.Number, m []byte, timed bool) {
	b := o.packet[:0]
	if timed {
		b = number(b, packetTimestamp, o.time)
	}
	b = number(b, packetSequence, sequence)
	flags := uint64(stateNeeded)
	if !o.some {
		flags, o.some = stateCleared, true
	}
	b = number(b, packetSequenceFlags, flags)
	if fresh := o.names.take(); len(fresh) != 0 {
		b = message(b, packetInternedData, fresh)
	}
	b = message(b, field, m)
	o.packet = b
	var head [2 * 10]byte // a tag and a length
	h := protowire.AppendVarint(protowire.AppendTag(head[:0], tracePacket, protowire.BytesType), uint64(len(b)))
	for _, part := range [...][]byte{h, b} {
		if o.err == nil {
			_, o.err = o.w.Write(part)
		}
	}
}

func (o *writer) flush() {
	if o.err == nil {
		o.err = o.w.Flush()
	}
}

// unwritten is a track of which the descriptor hasn't been written: that is done when it
// is used, so that there are no empty ones.
type unwritten struct {
	parent     uint64
	descriptor []byte
}

// process makes the track of the process, below which everything is, and returns its
// number.
func (o *writer) process(name string) uint64 {
	o.uuids++
	p := text(number(nil, processPID, 1), processName, name)
	d := number(nil, descriptorUUID, o.uuids)
	d = number(d, descriptorOrdering, uint64(byRank))
	o.unused[o.uuids] = unwritten{descriptor: message(d, descriptorProcess, p)}
	return o.uuids
}

// track makes a track and returns its number. Its place among its parent's children is
// rank, if those are shown byRank, and its own children are in the given order. If it
// counts, it is a counter's.
func (o *writer) track(parent uint64, name string, rank int, children order, counts bool) uint64 {
	o.uuids++
	d := number(nil, descriptorUUID, o.uuids)
	d = number(d, descriptorParent, parent)
	d = text(d, descriptorName, name)
	d = number(d, descriptorRank, uint64(rank))
	if children != byNothing {
		d = number(d, descriptorOrdering, uint64(children))
	}
	if counts {
		d = message(d, descriptorCounter, number(nil, counterUnit, unitCount))
	}
	o.unused[o.uuids] = unwritten{parent, d}
	return o.uuids
}

// use writes the descriptor of a track, after those above it, unless that has been done.
func (o *writer) use(track uint64) {
	if u, ok := o.unused[track]; ok {
		delete(o.unused, track)
		o.use(u.parent)
		o.emit(packetTrackDescriptor, u.descriptor, false)
	}
}

// drop forgets a track on which nothing more happens.
func (o *writer) drop(track uint64) { delete(o.unused, track) }

func (o *writer) event(now uint64, typ int, track uint64) {
	o.time, o.typ, o.on = now, typ, track
	o.body = number(o.body[:0], eventType, uint64(typ))
	o.body = number(o.body, eventTrack, track)
}

func (o *writer) named(name name) {
	if name.id != 0 {
		o.body = number(o.body, eventNameID, name.id)
	} else {
		o.body = text(o.body, eventName, name.text)
	}
}

// begin begins a packet that begins a slice.
func (o *writer) begin(now, track uint64, name name) {
	o.event(now, typeBegin, track)
	o.named(name)
}

// instant begins a packet about a moment.
func (o *writer) instant(now, track uint64, name name) {
	o.event(now, typeInstant, track)
	o.named(name)
}

// end writes that the slice is over that was begun last of those that are open on a track.
func (o *writer) end(now, track uint64) {
	o.event(now, typeEnd, track)
	o.done()
}

// count writes the value of a counter.
func (o *writer) count(now, track uint64, value int64) {
	o.event(now, typeCounter, track)
	o.body = number(o.body, eventCounter, uint64(value))
	o.done()
}

// number adds an argument to the present event.
func (o *writer) number(arg, v uint64) {
	o.inner = number(number(o.inner[:0], annotationNameID, arg), annotationNumber, v)
	o.body = message(o.body, eventAnnotation, o.inner)
}

// text adds an argument to the present event.
func (o *writer) text(arg uint64, v name) {
	o.inner = number(o.inner[:0], annotationNameID, arg)
	if v.id != 0 {
		o.inner = number(o.inner, annotationTextID, v.id)
	} else {
		o.inner = text(o.inner, annotationText, v.text)
	}
	o.body = message(o.body, eventAnnotation, o.inner)
}

// flow puts the present event into a flow, perhaps as its last one.
func (o *writer) flow(id uint64, last bool) {
	field := eventFlow
	if last {
		field = eventFlowEnds
	}
	o.body = protowire.AppendFixed64(protowire.AppendTag(o.body, field, protowire.Fixed64Type), id)
}

// done writes the present event.
func (o *writer) done() {
	if o.held != nil {
		o.held.add(o)
		return
	}
	o.use(o.on)
	o.emit(packetTrackEvent, o.body, true)
}
