package tracefile

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/runq-go/runq/event"
)

// FuzzReader reads anything. Blocks get right checksums, or else nothing but the check
// of these would be tested.
func FuzzReader(f *testing.F) {
	s, events := symbolic()
	f.Add([]byte{}, write(f, s, events))
	f.Add([]byte{}, write(f, nil, random(rand.New(rand.NewPCG(7, 8)), 300)))
	f.Add([]byte{1, 0, 1, 4, 0, 2, 0, 7, 1, 0, 1, 9}, []byte{})
	var e Encoder
	e.Add(random(rand.New(rand.NewPCG(9, 10)), 100))
	e.AppendBlock(nil)
	f.Add(e.content, []byte{})
	f.Fuzz(func(t *testing.T, content, file []byte) {
		if len(file) == 0 {
			file = AppendHeader(nil, Header{})
		}
		if len(content) != 0 {
			file = append([]byte{}, file...)
			file, _ = appendBlock(file, nil, sort(content[0]%5), content[1:])
			file, _ = appendBlock(file, nil, sortEvents, content)
		}
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		buf := make([]event.Event, 100)
		total := 0
		for {
			n, err := r.Read(buf)
			total += n
			for _, e := range buf[:n] {
				r.Symbols().Frames(nil, e.Stack)
			}
			if err != nil {
				if err != io.EOF && err.Error() == "" {
					t.Error("an error says nothing")
				}
				break
			}
			if n == 0 {
				t.Fatal("Read has returned nothing, and no error")
			}
		}
		if r.Offset() > int64(len(file)) {
			t.Errorf("%d bytes of %d were read", r.Offset(), len(file))
		}
	})
}
