package tracefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/s2"

	"github.com/runq-go/runq/event"
)

// Fault says where a file can't be read on, and why. What comes before has been returned.
type Fault struct {
	Byte   int64  // where the block with the fault begins
	Events uint64 // that have been read
	Text   string
	Cause  error // nil: the contents themselves are wrong
}

// Error implements error.
func (f *Fault) Error() string {
	return fmt.Sprintf("runq trace: at byte %d, after %d events: %s", f.Byte, f.Events, f.Text)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Reader reads a file. Its memory is bounded, whatever the file says: by a few blocks, and
// by what an event.Symbols takes.
type Reader struct {
	in      io.Reader
	next    int64 // position of what is read next
	at      int64 // and of the block that was read last
	events  uint64
	header  Header
	names   names
	symbols *event.Symbols
	texts   int // bytes of strings
	frames  int // of stacks
	dec     decoder
	err     error

	stored, content []byte
}

// NewReader reads the beginning of a file. The error says if it is none, or one of another
// version.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{in: r, symbols: new(event.Symbols)}
	if err := d.readMagic(); err != nil {
		return nil, err
	}
	of, err := d.block()
	if err != nil {
		return nil, err
	}
	if of != sortHeader {
		return nil, d.fault(nil, "the first block is of the sort %q, not the header", of)
	}
	h, t, err := readHeader(d.content)
	if err != nil {
		return nil, d.fault(nil, "%v", err)
	}
	d.header, d.names.tables = h, *t
	d.dec.names = &d.names
	return d, nil
}

func (d *Reader) readMagic() error {
	head := make([]byte, magicSize)
	n, err := io.ReadFull(d.in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("runq trace: reading the first bytes: %w", err)
	}
	head = head[:n]
	if n < magicSize || string(head[:len(magic)]) != magic {
		return fmt.Errorf("runq trace: the input is no runq trace: it begins with %q, not with %q", head, magic)
	}
	version, err := strconv.Atoi(string(head[len(magic) : magicSize-1]))
	if err != nil || head[magicSize-1] != '\n' {
		return fmt.Errorf("runq trace: the input is no runq trace: it begins with %q, without a version", head)
	}
	if version != Version {
		return fmt.Errorf("runq trace: the file is of version %d, and only version %d can be read", version, Version)
	}
	d.next = int64(n)
	return nil
}

// Header returns what the file says about itself.
func (d *Reader) Header() Header { return d.header }

// Symbols holds the strings and stacks that the events name. It grows while they are read.
func (d *Reader) Symbols() *event.Symbols { return d.symbols }

// Offset returns how many bytes have been read.
func (d *Reader) Offset() int64 { return d.next }

// Read puts the next events into dst and returns how many. At the end of the recording the
// error is io.EOF; any other one but that of the input itself is, or wraps, a *Fault.
func (d *Reader) Read(dst []event.Event) (n int, err error) {
	for n == 0 && len(dst) != 0 {
		if d.dec.at == d.dec.n {
			if d.err == nil {
				d.err = d.advance()
			}
			if d.err != nil {
				return 0, d.err
			}
			continue
		}
		n, err = d.dec.read(dst)
		d.events += uint64(n)
		if err != nil {
			d.dec.at = d.dec.n
			d.err = d.fault(nil, "%v", err)
			return 0, d.err
		}
	}
	return n, nil
}

// advance goes to the next block of events.
func (d *Reader) advance() error {
	for {
		of, err := d.block()
		if err != nil {
			return err
		}
		switch of {
		case sortEvents:
			if err := d.dec.begin(d.content); err != nil {
				d.dec.n, d.dec.at = 0, 0
				return d.fault(nil, "%v", err)
			}
			return nil
		case sortSymbols:
			if err := d.readSymbols(); err != nil {
				return err
			}
		case sortEnd:
			return io.EOF
		}
	}
}

// block reads the next block, and leaves its content in d.content.
func (d *Reader) block() (sort, error) {
	d.at = d.next
	var frame [frameSize]byte
	if err := d.fill(frame[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, d.fault(io.ErrUnexpectedEOF, "the recording has no end: it was cut off here, or nobody has stopped it")
		}
		return 0, d.cut(err)
	}
	size, stored := binary.LittleEndian.Uint32(frame[4:]), binary.LittleEndian.Uint32(frame[8:])
	if size > MaxBlock || stored > size || frame[1] > storedS2 {
		return 0, d.fault(nil, "no block begins here")
	}
	d.stored = grow(d.stored, int(stored))
	if err := d.fill(d.stored); err != nil {
		return 0, d.cut(err)
	}
	if got, want := checksum(frame[:frameSize-4], d.stored), binary.LittleEndian.Uint32(frame[frameSize-4:]); got != want {
		return 0, d.fault(nil, "the block is broken: its checksum is %08x, not %08x", got, want)
	}
	if frame[1] == storedRaw {
		d.content, d.stored = d.stored, d.content
		return sort(frame[0]), nil
	}
	if n, err := s2.DecodedLen(d.stored); err != nil || n != int(size) {
		return 0, d.fault(err, "the block says that its content has %d bytes, and the compressor %d", size, n)
	}
	content, err := s2.Decode(grow(d.content, int(size)), d.stored)
	if err != nil {
		return 0, d.fault(err, "the block can't be decompressed: %v", err)
	}
	d.content = content
	return sort(frame[0]), nil
}

// fill reads as much as b holds.
func (d *Reader) fill(b []byte) error {
	n, err := io.ReadFull(d.in, b)
	d.next += int64(n)
	return err
}

// cut is the fault that a block isn't there as a whole.
func (d *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return d.fault(io.ErrUnexpectedEOF, "the recording is cut off: it ends at byte %d, within a block", d.next)
	}
	return d.fault(err, "%v", err)
}

func (d *Reader) fault(cause error, format string, args ...any) error {
	return &Fault{Byte: d.at, Events: d.events, Text: fmt.Sprintf(format, args...), Cause: cause}
}

// What all strings and all stacks may have, besides event.MaxSymbols: a large program's
// have about a megabyte and a hundred thousand frames, and what these bounds let through
// fits into some hundred megabytes.
const (
	maxTexts  = 64 << 20
	maxFrames = 4 << 20
)

// grow returns b with the length n.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, n+8) // for padded
	}
	return b[:n]
}

// readSymbols takes over strings and stacks.
func (d *Reader) readSymbols() error {
	c := column{b: d.content}
	first, count := c.next(), c.next()
	if count != 0 && first != uint64(len(d.names.strings)) {
		return d.fault(nil, "strings from number %d on follow %d strings", first+1, len(d.names.strings))
	}
	for range min(count, MaxBlock) {
		text := c.text()
		if c.bad || len(d.names.strings) == event.MaxSymbols {
			return d.fault(nil, "string %d is broken, or there are too many", len(d.names.strings)+1)
		}
		if d.texts += len(text); d.texts > maxTexts {
			return d.fault(nil, "the strings have more than %d bytes", maxTexts)
		}
		d.names.strings = append(d.names.strings, d.symbols.Intern(text))
	}
	first, count = c.next(), c.next()
	if count != 0 && first != uint64(len(d.names.stacks)) {
		return d.fault(nil, "stacks from number %d on follow %d stacks", first+1, len(d.names.stacks))
	}
	var frames []event.Frame
	for range min(count, MaxBlock) {
		frames = frames[:0]
		for range min(c.next(), MaxFrames) {
			fn, file, line := d.names.string(c.next()), d.names.string(c.next()), c.next()
			frames = append(frames, event.Frame{Func: d.symbols.String(fn), File: d.symbols.String(file), Line: int(uint32(line))})
		}
		if c.bad || len(d.names.stacks) == event.MaxSymbols {
			return d.fault(nil, "stack %d is broken, or there are too many", len(d.names.stacks)+1)
		}
		if d.frames += len(frames); d.frames > maxFrames {
			return d.fault(nil, "the stacks have more than %d frames", maxFrames)
		}
		d.names.stacks = append(d.names.stacks, d.symbols.InternStack(frames))
	}
	if c.bad {
		return d.fault(nil, "a block of symbols is broken")
	}
	return nil
}
