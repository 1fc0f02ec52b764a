package runq

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	s, err := New(Config{Procs: 2, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	err = s.Run(context.Background(), func(tk *Task) error {
		for range 10000 {
			tk.Go(func(tk *Task) { n.Add(1) })
		}
		g, _ := NewGroup(nil, s)
		for i := range 100 {
			g.Go(func(tk *Task) error {
				tk.Yield()
				tk.Sleep(time.Millisecond)
				tk.Block(func() { time.Sleep(50 * time.Microsecond) })
				if i == 50 {
					return errors.New("fifty")
				}
				return nil
			})
		}
		return g.Wait(tk)
	})
	if err == nil || err.Error() != "fifty" {
		t.Fatal(err)
	}
	snap := s.Snapshot()
	t.Log(snap.String())
	s.Close()
	if n.Load() != 10000 {
		t.Fatal(n.Load())
	}
	t.Logf("%+v", s.Stats())
}

func BenchmarkSpawn(b *testing.B) {
	s, _ := New(Config{})
	defer s.Close()
	const N = 1000000
	b.ReportAllocs()
	for b.Loop() {
		s.Run(context.Background(), func(t *Task) error {
			var n atomic.Int64
			n.Store(N)
			g, _ := NewGroup(nil, s)
			_ = g
			f := func(t *Task) { n.Add(-1) }
			for range N {
				t.Go(f)
			}
			for n.Load() > 0 {
				t.Yield()
			}
			return nil
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/N, "ns/task")
}

func BenchmarkPingPong(b *testing.B) {
	s, _ := New(Config{Procs: 1})
	defer s.Close()
	s.Run(context.Background(), func(t *Task) error {
		g, _ := NewGroup(nil, s)
		var a, c *Task
		n := b.N
		g.Go(func(t *Task) error {
			a = t
			for c == nil {
				t.Yield()
			}
			for range n {
				t.park(3, nil, nil)
				s.ready(t.m, c, 0)
			}
			return nil
		})
		g.Go(func(t *Task) error {
			c = t
			for a == nil || a.status != gWaiting {
				t.Yield()
			}
			b.ResetTimer()
			for range n {
				s.ready(t.m, a, 0)
				t.park(3, nil, nil)
			}
			return nil
		})
		return g.Wait(t)
	})
}
