package runq

import (
	"fmt"
	"sync"
	"testing"
)

// pipe is what the benchmarks need of a channel, so that both kinds run the same code.
type pipe interface {
	send(t *Task, v int)
	recv(t *Task) int
}

type runqPipe struct{ c *Chan[int] }

func (p runqPipe) send(t *Task, v int) { p.c.Send(t, v) }
func (p runqPipe) recv(t *Task) int    { v, _ := p.c.Recv(t); return v }

type goPipe struct{ c chan int }

func (p goPipe) send(_ *Task, v int) { p.c <- v }
func (p goPipe) recv(*Task) int      { return <-p.c }

// bothKinds runs f with pipes of runq between tasks, and with Go's between goroutines.
// start starts a runner, whose context can't end, as a goroutine's can't; f returns when all have done their part.
func bothKinds(b *testing.B, procs int, f func(b *testing.B, make func(capacity int) pipe, start func(func(t *Task)), wait func())) {
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{Procs: procs})
		b.ReportAllocs()
		var wg sync.WaitGroup
		f(b, func(n int) pipe { return runqPipe{NewChan[int](n)} },
			func(body func(t *Task)) { wg.Add(1); s.Go(func(t *Task) { defer wg.Done(); body(t) }) },
			wg.Wait)
	})
	b.Run("impl=chan", func(b *testing.B) {
		b.ReportAllocs()
		var wg sync.WaitGroup
		f(b, func(n int) pipe { return goPipe{make(chan int, n)} },
			func(body func(t *Task)) { wg.Go(func() { body(nil) }) },
			wg.Wait)
	})
}

// BenchmarkChanPingPong is one value there and one back, over unbuffered channels.
func BenchmarkChanPingPong(b *testing.B) {
	for _, procs := range []int{1, 2} {
		b.Run(fmt.Sprintf("impl=runq/procs=%d", procs), func(b *testing.B) {
			s := openScheduler(b, Config{Procs: procs})
			b.ReportAllocs()
			ping, pong, n := NewChan[int](0), NewChan[int](0), b.N
			s.Go(func(t *Task) {
				for range n {
					v, _ := ping.Recv(t)
					pong.Send(t, v)
				}
			})
			runIn(b, s, func(t *Task) {
				for i := range n {
					ping.Send(t, i)
					pong.Recv(t)
				}
			})
		})
	}
	b.Run("impl=chan", func(b *testing.B) {
		b.ReportAllocs()
		ping, pong, n := make(chan int), make(chan int), b.N
		go func() {
			for range n {
				pong <- <-ping
			}
		}()
		for i := range n {
			ping <- i
			<-pong
		}
	})
}

// BenchmarkChanBuffered is a value from k producers to k consumers.
func BenchmarkChanBuffered(b *testing.B) {
	for _, k := range []int{1, 4} {
		for _, capacity := range []int{16, 128} {
			b.Run(fmt.Sprintf("pairs=%d/cap=%d", k, capacity), func(b *testing.B) {
				bothKinds(b, 0, func(b *testing.B, make func(int) pipe, start func(func(*Task)), wait func()) {
					c, n := make(capacity), b.N/k+1
					for range k {
						start(func(t *Task) {
							for i := range n {
								c.send(t, i)
							}
						})
						start(func(t *Task) {
							for range n {
								c.recv(t)
							}
						})
					}
					wait()
				})
			})
		}
	}
}

// BenchmarkSelect is a value there and one back, each through a Select with another
// channel that is never ready.
func BenchmarkSelect(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{Procs: 1})
		b.ReportAllocs()
		ping, pong, never := NewChan[int](0), NewChan[int](0), NewChan[int](0)
		n := b.N
		s.Go(func(t *Task) {
			for range n {
				var v int
				Select(t, ping.RecvCase(&v, nil), never.RecvCase(nil, nil))
				pong.Send(t, v)
			}
		})
		runIn(b, s, func(t *Task) {
			for i := range n {
				ping.Send(t, i)
				Select(t, pong.RecvCase(nil, nil), never.RecvCase(nil, nil))
			}
		})
	})
	b.Run("impl=chan", func(b *testing.B) {
		b.ReportAllocs()
		ping, pong, never := make(chan int), make(chan int), make(chan int)
		n := b.N
		go func() {
			for range n {
				select {
				case v := <-ping:
					pong <- v
				case <-never:
				}
			}
		}()
		for i := range n {
			ping <- i
			select {
			case <-pong:
			case <-never:
			}
		}
	})
}
