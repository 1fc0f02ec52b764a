package gotrace

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/runq-go/runq/event"
)

const (
	// fuzzInput bounds the inputs that are tried: longer ones reach nothing new.
	fuzzInput = 64 << 10

	// fuzzMemory is what reading may allocate for a byte of input, over all: an entry
	// in a table of strings, stacks or goroutines takes three bytes in a trace, and in
	// memory some hundred, more than once while tables grow.
	fuzzMemory = 1000

	// fuzzBase is what reading allocates at any rate: the batches, above all.
	fuzzBase = 8 << 20
)

// FuzzRead: whatever the input, reading it ends, doesn't panic, and takes no more memory
// than the input is worth; and an error says where it was.
func FuzzRead(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text[:min(len(text), fuzzInput)])
		f.Add(text[:headerSize])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > fuzzInput {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := New(bytes.NewReader(text), Options{})
		if err != nil {
			return
		}
		buf := make([]event.Event, 256)
		for err == nil {
			_, err = s.Read(buf)
		}
		s.Close()
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > fuzzBase+uint64(len(text))*fuzzMemory {
			t.Errorf("%d bytes of input took %d of memory", len(text), n)
		}
		var where *Fault
		if err.Error() != "EOF" && !errors.As(err, &where) {
			t.Errorf("the error doesn't say where: %v", err)
		}
	})
}
