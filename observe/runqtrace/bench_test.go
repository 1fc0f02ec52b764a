package runqtrace

import (
	"bytes"
	"io"
	"os"
	"testing"

	"golang.org/x/exp/trace"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/tracefile"
	"github.com/runq-go/runq/observe/gotrace"
)

// BenchmarkRead compares the reader with golang.org/x/exp/trace's, which reads a
// trace of Go: own-go reads the same events in the own format, as many as make a few
// blocks; own reads a recording of a scheduler.
func BenchmarkRead(b *testing.B) {
	const sample = "../gotrace/testdata/go1.26.trace"
	text, err := os.ReadFile(sample)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("x-exp-trace", func(b *testing.B) {
		n := 0
		for b.Loop() {
			r, err := trace.NewReader(bytes.NewReader(text))
			if err != nil {
				b.Fatal(err)
			}
			for n = 0; ; n++ {
				if _, err := r.ReadEvent(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
		perEvent(b, n)
	})
	b.Run("own-go", func(b *testing.B) { benchRead(b, converted(b, sample)) })
	b.Run("own", func(b *testing.B) { benchRead(b, recorded(b)) })
}

func perEvent(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
}

// benchRead reads a recording, as a source is read.
func benchRead(b *testing.B, file []byte) {
	buf := make([]event.Event, 512)
	n := 0
	for b.Loop() {
		src, err := NewReader(bytes.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		n = 0
		for {
			k, err := src.Read(buf)
			n += k
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	perEvent(b, n)
	b.ReportMetric(float64(len(file))/float64(n), "bytes/event")
}

// converted returns a Go trace in the own format, ten times over.
func converted(b *testing.B, name string) []byte {
	src, err := gotrace.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	var events []event.Event
	for e, err := range event.All(src) {
		if err != nil {
			b.Fatal(err)
		}
		events = append(events, e)
	}
	var file bytes.Buffer
	w, err := tracefile.NewWriter(&file, tracefile.Header{}, src.Symbols())
	if err != nil {
		b.Fatal(err)
	}
	for range 10 {
		if err := w.Write(events); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return file.Bytes()
}

// recorded returns a recording.
func recorded(b *testing.B) []byte {
	s, err := runq.New(runq.Config{Procs: 2, Trace: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var file bytes.Buffer
	rec, err := s.Record(&file)
	if err != nil {
		b.Fatal(err)
	}
	for range 500 {
		if err := s.Run(b.Context(), crowd); err != nil {
			b.Fatal(err)
		}
	}
	if err := rec.Stop(); err != nil {
		b.Fatal(err)
	}
	return file.Bytes()
}
