package tracefile

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/runq-go/runq/event"
)

// AppendHeader appends what a file begins with to dst.
func AppendHeader(dst []byte, h Header) []byte {
	dst = fmt.Appendf(dst, "%s%04d\n", magic, Version)
	dst, _ = appendBlock(dst, nil, sortHeader, h.append(nil))
	return dst
}

// AppendEnd appends what a file of so many events ends with to dst.
func AppendEnd(dst []byte, events uint64) []byte {
	dst, _ = appendBlock(dst, nil, sortEnd, binary.AppendUvarint(nil, events))
	return dst
}

// Symbols knows which strings and stacks have been written already. The zero one is ready
// for use.
type Symbols struct {
	strings, stacks int
	content, spare  []byte
}

// Append appends blocks to dst with what is new in from since the last call. Events that
// name it may follow.
func (s *Symbols) Append(dst []byte, from *event.Symbols) []byte {
	stacks := s.newStacks(from) // first: their strings are there by then
	for {
		b := binary.AppendUvarint(s.content[:0], uint64(s.strings))
		texts, n := s.newStrings(from)
		if n == 0 {
			break
		}
		b = append(binary.AppendUvarint(b, uint64(n)), texts...)
		b = append(b, 0, 0) // no stacks
		dst, s.spare = appendBlock(dst, s.spare, sortSymbols, b)
		s.strings += n
		s.content = b
	}
	for len(stacks) != 0 {
		b := append(s.content[:0], 0, 0) // no strings
		n, size := 0, 0
		for n < len(stacks) && size < blockSize {
			size += len(stacks[n])
			n++
		}
		b = binary.AppendUvarint(b, uint64(s.stacks))
		b = binary.AppendUvarint(b, uint64(n))
		for _, stack := range stacks[:n] {
			b = append(b, stack...)
		}
		dst, s.spare = appendBlock(dst, s.spare, sortSymbols, b)
		s.stacks += n
		stacks = stacks[n:]
		s.content = b
	}
	return dst
}

// newStrings returns some of the strings that are new, and how many those are.
func (s *Symbols) newStrings(from *event.Symbols) (texts []byte, n int) {
	for len(texts) < blockSize {
		text := from.String(event.StringID(s.strings + n + 1))
		if text == "" {
			break
		}
		texts = appendString(texts, text[:min(len(text), MaxString)])
		n++
	}
	return texts, n
}

// newStacks returns the new stacks, each one as it is written: from is asked for the
// numbers of their strings.
func (s *Symbols) newStacks(from *event.Symbols) (stacks [][]byte) {
	var frames []event.Frame
	for {
		frames = from.Frames(frames[:0], event.StackID(s.stacks+len(stacks)+1))
		if len(frames) == 0 {
			return stacks
		}
		outer := frames[max(0, len(frames)-MaxFrames):]
		b := binary.AppendUvarint(nil, uint64(len(outer)))
		for _, f := range outer {
			b = binary.AppendUvarint(b, uint64(from.Intern(f.Func)))
			b = binary.AppendUvarint(b, uint64(from.Intern(f.File)))
			b = binary.AppendUvarint(b, uint64(f.Line))
		}
		stacks = append(stacks, b)
	}
}

// Writer writes events to an io.Writer as a file, block by block. After an error of that
// one it writes nothing more.
type Writer struct {
	to      io.Writer
	from    *event.Symbols
	symbols Symbols
	enc     Encoder
	buf     []byte
	events  uint64
	bytes   uint64
	err     error
}

// NewWriter writes the beginning of a file to w. symbols has the strings and stacks that
// the events will name; nil: they name none.
func NewWriter(w io.Writer, h Header, symbols *event.Symbols) (*Writer, error) {
	out := &Writer{to: w, from: symbols}
	out.buf = AppendHeader(nil, h)
	out.flush()
	return out, out.err
}

// Write writes events, which are to be in the order of reading. The last ones stay in
// memory until there are more, or until Flush.
func (w *Writer) Write(events []event.Event) error {
	for w.err == nil {
		n := w.enc.Add(events)
		w.events += uint64(n)
		if events = events[n:]; len(events) == 0 {
			break
		}
		w.block()
		w.flush()
	}
	return w.err
}

// block ends the present block.
func (w *Writer) block() {
	w.buf = w.symbols.Append(w.buf, w.from)
	w.buf = w.enc.AppendBlock(w.buf)
}

// flush writes what is in buf.
func (w *Writer) flush() {
	if w.err == nil && len(w.buf) != 0 {
		var n int
		n, w.err = w.to.Write(w.buf)
		w.bytes += uint64(n)
	}
	w.buf = w.buf[:0]
}

// Flush writes all events out.
func (w *Writer) Flush() error {
	w.block()
	w.flush()
	return w.err
}

// Pending returns how many events Flush would write.
func (w *Writer) Pending() int { return w.enc.Len() }

// Written returns how many events, and how many bytes, have been written.
func (w *Writer) Written() (events, bytes uint64) { return w.events - uint64(w.enc.Len()), w.bytes }

// Close writes what is left, and that this is the end. It doesn't close the io.Writer.
func (w *Writer) Close() error {
	w.block()
	w.buf = AppendEnd(w.buf, w.events)
	w.flush()
	return w.err
}
