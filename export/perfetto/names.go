package perfetto

import "google.golang.org/protobuf/encoding/protowire"

// name is a text as packets refer to it: by its number, if it has one.
type name struct {
	id   uint64
	text string
}

// maxNames bounds how many texts of a sort are interned: what comes later is written out
// each time. Names are those of groups, states, places and regions, of which a large
// program has some thousands.
const maxNames = 1 << 16

// table is the interned texts of a sort.
type table map[string]uint64

// names are the texts that packets refer to by number. Each is written before, or in, the
// packet that refers to it first.
type names struct {
	events, args, texts table
	fresh               []byte // InternedData: what hasn't been written yet
	spare               []byte // scratch: the fresh of the time before
}

// event returns the name of a slice or of an instant.
func (n *names) event(text string) name { return n.name(&n.events, internedEvents, text) }

// value returns the text of an argument.
func (n *names) value(text string) name { return n.name(&n.texts, internedTexts, text) }

// arg returns the name of an argument. There are a few of them.
func (n *names) arg(text string) uint64 { return n.name(&n.args, internedArgs, text).id }

func (n *names) name(in *table, field protowire.Number, s string) name {
	if id, ok := (*in)[s]; ok {
		return name{id: id}
	}
	if len(*in) >= maxNames {
		return name{text: s}
	}
	if *in == nil {
		*in = make(table)
	}
	id := uint64(len(*in) + 1)
	(*in)[s] = id
	n.fresh = message(n.fresh, field, text(number(nil, internedID, id), internedText, s))
	return name{id: id}
}

// take returns what is to be written. It is good until the next take.
func (n *names) take() []byte {
	n.fresh, n.spare = n.spare[:0], n.fresh
	return n.spare
}
