package runq

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/ring"
	"github.com/runq-go/runq/internal/tracefile"
)

// recordedLoads are what is recorded in benchmarks.
var recordedLoads = []struct {
	name string
	run  func(tk *Task)
}{
	{"spawn", func(tk *Task) {
		for range 200_000 {
			tk.Go(func(*Task) {})
		}
	}},
	{"pingpong", func(tk *Task) {
		a, b := NewChan[int](0), NewChan[int](0)
		g, _ := NewGroup(tk.Context(), tk.Scheduler())
		g.Go(func(tk *Task) error {
			for i := range 30_000 {
				a.Send(tk, i)
				b.Recv(tk)
			}
			return nil
		})
		for i := range 30_000 {
			a.Recv(tk)
			b.Send(tk, i)
		}
		g.Wait(tk)
	}},
	{"mix", func(tk *Task) {
		var mu Mutex
		c := NewChan[int](8)
		g, _ := NewGroup(tk.Context(), tk.Scheduler())
		for range 16 {
			g.Go(func(tk *Task) error {
				for i := range 2000 {
					mu.Lock(tk)
					if i%8 == 0 {
						tk.Yield()
					}
					mu.Unlock(tk)
					c.Send(tk, i)
					if i%64 == 0 {
						tk.Sleep(20 * time.Microsecond)
					}
				}
				return nil
			})
			g.Go(func(tk *Task) error {
				for range 2000 {
					c.Recv(tk)
				}
				return nil
			})
		}
		g.Wait(tk)
	}},
}

// BenchmarkRecord takes the way of an event to the file apart, for real recordings: drain
// is reading the rings, merge putting their events in order, encode making blocks of them. Writing
// them into the rings is internal/ring's BenchmarkEvent. Figures are for an event.
func BenchmarkRecord(b *testing.B) {
	for _, load := range recordedLoads {
		b.Run(load.name, func(b *testing.B) {
			s := openScheduler(b, Config{Procs: 2, Trace: true, TraceBuffer: 32 << 20})
			runIn(b, s, load.run)
			var c collector
			c.start(s, true)
			s.stopTheWorld()
			c.atRings(func(r *ringReader, _ bool) { r.w.Take(&r.at, &r.chunk) })
			s.startTheWorld()
			var drain, merge, encode time.Duration
			var bytes, events uint64
			for b.Loop() {
				t0 := time.Now()
				for _, r := range c.rings {
					var at ring.Cursor
					r.pending, _ = r.chunk.Events(&at, r.pending[:0], s.stackOf)
				}
				t1 := time.Now()
				c.merged = c.peek(c.merged[:0])
				t2 := time.Now()
				w, _ := tracefile.NewWriter(io.Discard, tracefile.Header{}, s.Symbols())
				w.Write(c.merged)
				w.Close()
				drain, merge, encode = drain+t1.Sub(t0), merge+t2.Sub(t1), encode+time.Since(t2)
				events, bytes = w.Written()
			}
			n := float64(b.N) * float64(events)
			b.ReportMetric(float64(drain)/n, "drain-ns")
			b.ReportMetric(float64(merge)/n, "merge-ns")
			b.ReportMetric(float64(encode)/n, "encode-ns")
			b.ReportMetric(float64(bytes)/float64(events), "bytes")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkRecording runs each load with events going to rings, and with a recorder that
// writes them. It shows how fast a round is, and how long the world stands still for it.
func BenchmarkRecording(b *testing.B) {
	for _, load := range recordedLoads {
		for _, on := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/recorder=%v", load.name, on), func(b *testing.B) {
				s := openScheduler(b, Config{Procs: 2, Trace: true})
				if on {
					r, err := s.Record(io.Discard)
					if err != nil {
						b.Fatal(err)
					}
					defer r.Stop()
				}
				for b.Loop() {
					runIn(b, s, load.run)
				}
				if st := s.Stats(); st.Stops > 0 {
					b.ReportMetric(float64(st.StopTime)/float64(st.Stops), "ns/stop")
					b.ReportMetric(float64(st.EventsLost)/float64(b.N), "lost/op")
				}
			})
		}
	}
}
