// Command bigtrace writes a Go execution trace of a given size, by running goroutines
// that do what servers do: pass values through channels, take locks, sleep, write to
// pipes and compute. It is what readers of traces are measured with.
//
//	bigtrace -mb 500 -o big.trace
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	mb := flag.Int("mb", 100, "size of the trace, in MB, at least")
	out := flag.String("o", "big.trace", "file to write")
	flag.Parse()
	if err := record(*out, int64(*mb)*1e6); err != nil {
		fmt.Fprintln(os.Stderr, "bigtrace:", err)
		os.Exit(1)
	}
}

// counter counts what goes through it.
type counter struct {
	to *bufio.Writer
	n  atomic.Int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n.Add(int64(n))
	return n, err
}

func record(name string, size int64) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	to := &counter{to: bufio.NewWriterSize(file, 1<<20)}
	if err := trace.Start(to); err != nil {
		return err
	}
	var stop atomic.Bool
	var running sync.WaitGroup
	for range 4 { // of each sort: enough to keep a few Ps busy
		running.Go(func() { pipeline(&stop) })
		running.Go(func() { locks(&stop) })
		running.Go(func() { spawn(&stop) })
	}
	running.Go(func() { calls(&stop) })
	for to.n.Load() < size {
		time.Sleep(10 * time.Millisecond) // to look often enough not to write much more
	}
	stop.Store(true)
	running.Wait()
	trace.Stop()
	return to.to.Flush()
}

// pipeline sends numbers through three goroutines.
func pipeline(stop *atomic.Bool) {
	a, b := make(chan int), make(chan int, 8)
	var done sync.WaitGroup
	done.Go(func() {
		for n := range a {
			b <- n + 1
		}
		close(b)
	})
	done.Go(func() {
		for n := range b {
			work(n % 200)
		}
	})
	for n := 0; !stop.Load(); n++ {
		a <- n
	}
	close(a)
	done.Wait()
}

// locks fights for a lock.
func locks(stop *atomic.Bool) {
	var mu sync.Mutex
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			for !stop.Load() {
				mu.Lock()
				work(100)
				mu.Unlock()
				time.Sleep(50 * time.Microsecond)
			}
		})
	}
	done.Wait()
}

// spawn starts a goroutine for each piece of work.
func spawn(stop *atomic.Bool) {
	for !stop.Load() {
		var done sync.WaitGroup
		for n := range 8 {
			done.Go(func() { work(n * 50) })
		}
		done.Wait()
	}
}

// calls writes to a pipe and reads from it.
func calls(stop *atomic.Bool) {
	r, w, err := os.Pipe()
	if err != nil {
		return
	}
	defer r.Close()
	defer w.Close()
	var buf [64]byte
	for !stop.Load() {
		if _, err := w.Write(buf[:]); err != nil {
			return
		}
		if _, err := r.Read(buf[:]); err != nil {
			return
		}
	}
}

var sink atomic.Int64

// work computes for about n ns.
func work(n int) {
	x := int64(n)
	for i := range n {
		x += x<<3 ^ int64(i)
	}
	sink.Store(x)
}
