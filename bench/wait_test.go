package bench

import (
	"context"
	"sync"
	"testing"

	"github.com/runq-go/runq"
)

// A value has to go from one to another, or a lock to change hands: rows for tasks, and
// for goroutines with what Go has for the purpose.

// BenchmarkChanPingPong is a value there and one back, over unbuffered channels.
func BenchmarkChanPingPong(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		ping, pong := runq.NewChan[int](0), runq.NewChan[int](0)
		inTask(b, func(t *runq.Task) {
			t.Go(func(t *runq.Task) {
				for v := range ping.All(t) {
					pong.Send(t, v)
				}
			})
			for i := range b.N {
				ping.Send(t, i)
				pong.Recv(t)
			}
			ping.Close()
		})
	})
	b.Run("impl=go", func(b *testing.B) {
		ping, pong := make(chan int), make(chan int)
		b.ReportAllocs()
		go func() {
			for v := range ping {
				pong <- v
			}
		}()
		for i := range b.N {
			ping <- i
			<-pong
		}
		close(ping)
	})
}

// BenchmarkChanBuffered is a value through a channel with room for 128, from one of
// some producers to one of as many consumers.
func BenchmarkChanBuffered(b *testing.B) {
	for _, pairs := range []struct {
		name string
		n    int
	}{{"by=1x1", 1}, {"by=4x4", 4}} {
		b.Run(pairs.name, func(b *testing.B) {
			b.Run("impl=runq", func(b *testing.B) {
				c := runq.NewChan[int](128)
				share := b.N/pairs.n + 1
				among(b, 2*pairs.n, func(t *runq.Task, i int) {
					if i%2 == 0 {
						for k := range share {
							c.Send(t, k)
						}
						return
					}
					for range share {
						c.Recv(t)
					}
				})
			})
			b.Run("impl=go", func(b *testing.B) {
				c := make(chan int, 128)
				share := b.N/pairs.n + 1
				amongGo(b, 2*pairs.n, func(i int) {
					if i%2 == 0 {
						for k := range share {
							c <- k
						}
						return
					}
					for range share {
						<-c
					}
				})
			})
		})
	}
}

// BenchmarkMutex locks and unlocks: one that nobody else wants, and one that 16 want
// all the time.
func BenchmarkMutex(b *testing.B) {
	for _, wanted := range []struct {
		name string
		by   int
	}{{"by=1", 1}, {"by=16", 16}} {
		b.Run(wanted.name, func(b *testing.B) {
			b.Run("impl=runq", func(b *testing.B) {
				var mu runq.Mutex
				inside, share := 0, b.N/wanted.by+1
				among(b, wanted.by, func(t *runq.Task, _ int) {
					for range share {
						mu.Lock(t)
						inside++
						mu.Unlock(t)
					}
				})
			})
			b.Run("impl=go", func(b *testing.B) {
				var mu sync.Mutex
				inside, share := 0, b.N/wanted.by+1
				amongGo(b, wanted.by, func(int) {
					for range share {
						mu.Lock()
						inside++
						mu.Unlock()
					}
				})
			})
		})
	}
}

// among runs n tasks at the same time, of which each does its share of b.N, and measures
// until all have ended. i is the number of a task.
func among(b *testing.B, n int, body func(t *runq.Task, i int)) {
	s := newScheduler(b, runq.Config{})
	b.ReportAllocs()
	b.ResetTimer()
	g, _ := runq.NewGroup(context.Background(), s)
	for i := range n {
		g.Go(func(t *runq.Task) error {
			body(t, i)
			return nil
		})
	}
	check(b, g.Wait(nil))
	b.StopTimer()
}

// amongGo is among for goroutines.
func amongGo(b *testing.B, n int, body func(i int)) {
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { body(i) })
	}
	all.Wait()
	b.StopTimer()
}
