// Package tracefile writes and reads events as a file. docs/trace-format.md describes the
// format; where it lists kinds, reasons and bits, a test compares it with this package.
//
// The tension: a recording should be small and cost the program little, but a file must
// be readable when the program has crashed, and by a reader that is older or newer than the
// writer. So events are collected into blocks that know nothing of each other, with their
// fields in columns, where neighbours resemble each other; what repeats costs a byte or
// nothing before a fast compressor sees it. A block that is whole, says its checksum, can
// be read. And the file says itself, by name, what its numbers mean.
//
// Events are in the file in the order in which they are to be read. To restore it is the
// business of who writes: reading is done more often.
package tracefile

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/klauspost/compress/s2"

	"github.com/runq-go/runq/event"
)

// Version is the version of the format. A reader refuses others: what can be added without
// harm to old readers doesn't change it.
const Version = 1

// magic is what every file begins with, and magicSize how long that is with the version,
// four digits, and a line end, so that the first bytes look decent on a terminal.
const (
	magic     = "runq trace "
	magicSize = len(magic) + 5
)

// sort says what a block holds. Readers skip those that they don't know.
type sort uint8

const (
	sortHeader  sort = 1 // what the recording is, and what its numbers mean; the first block
	sortSymbols sort = 2 // strings and stacks
	sortEvents  sort = 3
	sortEnd     sort = 4 // the recording ends here, as it should
)

var sortNames = [...]string{sortHeader: "header", sortSymbols: "symbols", sortEvents: "events", sortEnd: "end"}

// How a block's content is stored.
const (
	storedRaw = 0
	storedS2  = 1
)

const (
	// frameSize is what stands before a block's content: sort, storing, two zeros, length of
	// the content, stored length, checksum.
	frameSize = 16

	// blockSize is the content at which an events block is ended: enough that what every
	// block repeats doesn't count, and that the compressor has seen what it needs; little
	// to lose in a crash.
	blockSize = 64 << 10

	// blockEvents bounds the events of a block. Some cost almost nothing, and who reads a
	// block shouldn't meet millions.
	blockEvents = 1 << 15

	// MaxBlock is the most bytes of a block that readers take: twice what writers make, and
	// more than an event can exceed it by.
	MaxBlock = 2 * blockSize

	// MaxString is how long a string may be. Names of generic functions have some hundreds
	// of bytes; longer ones are cut off.
	MaxString = 4 << 10

	// MaxFrames is how deep a stack may be: the Go runtime keeps 128 frames at most.
	// Of deeper ones the innermost are left out.
	MaxFrames = 256
)

// crcTable is that of Castagnoli's polynomial, for which processors have an instruction.
var crcTable = crc32.MakeTable(crc32.Castagnoli)

// appendBlock appends a block with its frame to dst. scratch is where it compresses, and is
// returned for the next time.
func appendBlock(dst, scratch []byte, of sort, content []byte) (block, spare []byte) {
	if most := s2.MaxEncodedLen(len(content)); cap(scratch) < most {
		scratch = make([]byte, most)
	}
	stored, how := s2.Encode(scratch[:cap(scratch)], content), byte(storedS2)
	if len(stored) >= len(content) {
		stored, how = content, storedRaw
	}
	at := len(dst)
	dst = append(dst, byte(of), how, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(content)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(stored)))
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, stored...)
	binary.LittleEndian.PutUint32(dst[at+frameSize-4:], checksum(dst[at:at+frameSize-4], dst[at+frameSize:]))
	return dst, scratch
}

// checksum is over a frame, but for itself, and what is stored.
func checksum(frame, stored []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame, crcTable), crcTable, stored)
}

// zigzag makes small numbers of those near 0, and unzigzag undoes it.
func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// argIsString tells whether a kind's Arg is a StringID, which a reader has to translate.
func argIsString(k event.Kind) bool {
	return k == event.KindStopAsked || k == event.KindRegionBegin || k == event.KindRegionEnd
}

// column is a sequence of numbers that is being read, each in seven bits a byte, the lowest
// first.
type column struct {
	b   []byte
	i   int
	bad bool // it ended too early, or a number is too large
}

// next returns the next number; 0, and bad is set, if there is none.
func (c *column) next() uint64 {
	if i := c.i; i < len(c.b) && c.b[i] < 0x80 {
		c.i++
		return uint64(c.b[i])
	}
	return c.long()
}

// long is next for numbers of two bytes or more. Eight bytes at a time hold most of them
// whole, and are taken apart without looking at each.
func (c *column) long() uint64 {
	if rest := c.b[c.i:]; len(rest) >= 8 {
		x := binary.LittleEndian.Uint64(rest)
		if ends := ^x & continues; ends != 0 {
			size := uint(bits.TrailingZeros64(ends)) + 1 // of the number, with a spare one in each byte
			c.i += int(size / 8)
			x &= 1<<size - 1 // all, where size is 64
			x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
			x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
			return x&0x000000000fffffff | x&0x0fffffff00000000>>4
		}
	}
	n, size := binary.Uvarint(c.b[c.i:])
	if size <= 0 {
		c.bad = true
		c.i = len(c.b)
		return 0
	}
	c.i += size
	return n
}

// continues are the bits that say that a number goes on, of eight bytes.
const continues = 0x8080808080808080

// bytes returns so many of the next bytes as the next number says, at most limit.
func (c *column) bytes(limit int) []byte {
	n := c.next()
	if n > uint64(limit) || n > uint64(len(c.b)-c.i) {
		c.bad = true
		c.i = len(c.b)
		return nil
	}
	b := c.b[c.i:][:n]
	c.i += int(n)
	return b
}

func (c *column) text() string { return string(c.bytes(MaxString)) }

func (s sort) String() string {
	if int(s) < len(sortNames) && sortNames[s] != "" {
		return sortNames[s]
	}
	return fmt.Sprintf("sort %d", uint8(s))
}
