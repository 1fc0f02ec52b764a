package tracefile

import (
	"encoding/binary"
	"errors"

	"github.com/runq-go/runq/event"
)

// Header is what a file says about itself.
type Header struct {
	Info event.Info

	// Whole tells that the recording has all events from the beginning of the scheduler
	// on. Otherwise it begins in the middle.
	Whole bool
}

const headerWhole = 1 << 0 // of the header's flags

// argString is the flag of a kind whose Arg is a StringID.
const argString = 1 << 0

// append appends the header block's content to b: what the header says, then the table of
// kinds and that of reasons. Each row has its length before it, so that later versions can
// add to it.
func (h *Header) append(b []byte) []byte {
	b = appendString(b, h.Info.Name)
	b = appendString(b, h.Info.Sort)
	b = binary.AppendUvarint(b, uint64(h.Info.Blind))
	b = binary.AppendUvarint(b, zigzag(h.Info.Mono))
	flags := uint64(0)
	if h.Whole {
		flags |= headerWhole
	}
	b = binary.AppendUvarint(b, flags)
	b = binary.AppendUvarint(b, uint64(len(event.Specs)))
	var row []byte
	for k := range event.Specs {
		row = appendKind(row[:0], event.Kind(k))
		b = append(binary.AppendUvarint(b, uint64(len(row))), row...)
	}
	reasons := knownReasons()
	b = binary.AppendUvarint(b, uint64(reasons))
	for r := range event.Reason(reasons) {
		row = binary.AppendUvarint(row[:0], uint64(r))
		row = appendString(row, r.String())
		row = binary.AppendUvarint(row, uint64(r.Class()))
		b = append(binary.AppendUvarint(b, uint64(len(row))), row...)
	}
	return b
}

func appendKind(b []byte, k event.Kind) []byte {
	s := k.Spec()
	b = binary.AppendUvarint(b, uint64(k))
	b = appendString(b, s.Name)
	b = appendString(b, s.What)
	flags := uint64(0)
	if argIsString(k) {
		flags |= argString
	}
	for _, n := range [...]uint64{uint64(s.Needs), uint64(s.From), uint64(s.To), uint64(s.Reasons), flags} {
		b = binary.AppendUvarint(b, n)
	}
	for _, text := range [...]string{s.P, s.M, s.ArgName, s.Arg} {
		b = appendString(b, text)
	}
	return b
}

// knownReasons returns how many reasons there are. They are numbered without gaps, and
// the class tells those that are none.
func knownReasons() int {
	n := 0
	for event.Reason(n).Class() != 0 {
		n++
	}
	return n
}

// tables translate a file's numbers into ours.
type tables struct {
	kinds   [256]event.Kind   // KindNone: we don't know it
	texts   [256]bool         // by our kind: whether its Arg is a StringID
	reasons [256]event.Reason // of what we don't know: what comes nearest
}

var errTables = errors.New("the tables of kinds and reasons are broken")

// readHeader reads the header block's content.
func readHeader(content []byte) (h Header, t *tables, err error) {
	c := column{b: content}
	h.Info.Name = c.text()
	h.Info.Sort = c.text()
	h.Info.Blind = event.Blind(c.next())
	h.Info.Mono = unzigzag(c.next())
	h.Whole = c.next()&headerWhole != 0
	t = new(tables)
	byName := make(map[string]event.Kind)
	for k := range event.Specs {
		byName[event.Specs[k].Name] = event.Kind(k)
	}
	for range min(c.next(), MaxBlock) {
		row := column{b: c.bytes(MaxBlock)}
		number, name := row.next(), row.text()
		if c.bad || row.bad || number > 255 {
			return h, nil, errTables
		}
		k := byName[name]
		t.kinds[number] = k
		t.texts[k] = argIsString(k)
	}
	reasons := make(map[string]event.Reason)
	for r := range event.Reason(knownReasons()) {
		reasons[r.String()] = r
	}
	for range min(c.next(), MaxBlock) {
		row := column{b: c.bytes(MaxBlock)}
		number, name, class := row.next(), row.text(), row.next()
		if c.bad || row.bad || number > 255 {
			return h, nil, errTables
		}
		r, ok := reasons[name]
		if !ok {
			r = nearest(event.ReasonClass(class))
		}
		t.reasons[number] = r
	}
	if c.bad {
		return h, nil, errTables
	}
	return h, t, nil
}

// nearest returns a reason of the same class as one that we don't know: the one that says
// least.
func nearest(c event.ReasonClass) event.Reason {
	switch {
	case c&event.ClassWait != 0:
		return event.ReasonWaitUnknown
	case c&event.ClassWake != 0:
		return event.ReasonWakeRuntime
	case c&event.ClassYield != 0:
		return event.ReasonYield
	case c&event.ClassRetake != 0:
		return event.ReasonRetakeOverrun
	case c&event.ClassHandoff != 0:
		return event.ReasonHandoffIdle
	case c&event.ClassEnd != 0:
		return event.ReasonEndReturn
	case c&event.ClassShare != 0:
		return event.ReasonQuota
	case c&event.ClassHold != 0:
		return event.ReasonHeldBack
	}
	return event.ReasonNone
}
