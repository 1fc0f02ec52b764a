package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var sink atomic.Int64

// spin computes for a while, without a call that the scheduler could use.
func spin(d time.Duration) {
	n := int64(0)
	for until := time.Now().Add(d); time.Now().Before(until); {
		for i := int64(0); i < 1000; i++ {
			n += n<<3 ^ i
		}
	}
	sink.Store(n)
}

// each runs n goroutines and waits for them.
func each(n int, f func()) {
	done := make(chan struct{})
	for i := 0; i < n; i++ {
		go run(f, done)
	}
	for i := 0; i < n; i++ {
		<-done
	}
}

func run(f func(), done chan<- struct{}) {
	f()
	done <- struct{}{}
}

// small has a bit of everything, for the reader's tests.
func small() {
	trace.WithRegion(context.Background(), "everything", func() {
		var mu sync.Mutex
		each(4, func() {
			for i := 0; i < 3; i++ {
				mu.Lock()
				time.Sleep(100 * time.Microsecond)
				mu.Unlock()
				os.ReadFile("/proc/self/stat")
			}
		})
		runtime.GC()
		spin(2 * time.Millisecond)
	})
}

// hogs compute, and one goroutine that has little to do can't do it.
func hogs() {
	done := make(chan struct{})
	for i := 0; i < 4; i++ {
		go hog(done)
	}
	go victim(done)
	for i := 0; i < 5; i++ {
		<-done
	}
}

func hog(done chan<- struct{}) {
	spin(200 * time.Millisecond)
	done <- struct{}{}
}

// victim does a little at a time, and lets others run in between. (Were it to sleep, one
// wouldn't see that it is late: timers, too, have to wait for a P, and nothing tells when
// they should have ended.)
func victim(done chan<- struct{}) {
	for until := time.Now().Add(200 * time.Millisecond); time.Now().Before(until); {
		spin(50 * time.Microsecond)
		runtime.Gosched()
	}
	done <- struct{}{}
}

// convoy is eight goroutines that need one lock, of which the holder sleeps.
func convoy() {
	var mu sync.Mutex
	done := make(chan struct{})
	for i := 0; i < 8; i++ {
		go locker(&mu, done)
	}
	for i := 0; i < 8; i++ {
		<-done
	}
}

func locker(mu *sync.Mutex, done chan<- struct{}) {
	for i := 0; i < 25; i++ {
		mu.Lock()
		time.Sleep(time.Millisecond)
		mu.Unlock()
	}
	done <- struct{}{}
}

// pipeline is three stages, of which the second one is slow.
func pipeline() {
	a, b, done := make(chan int), make(chan int), make(chan struct{})
	go produce(a)
	go slow(a, b)
	go consume(b, done)
	<-done
}

func produce(to chan<- int) {
	for i := 0; i < 100; i++ {
		to <- i
	}
	close(to)
}

func slow(from <-chan int, to chan<- int) {
	for n := range from {
		spin(2 * time.Millisecond)
		to <- n
	}
	close(to)
}

func consume(from <-chan int, done chan<- struct{}) {
	for n := range from {
		sink.Add(int64(n))
	}
	close(done)
}

// syscalls makes one system call after the other.
func syscalls() {
	null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	defer null.Close()
	time.Sleep(20 * time.Millisecond)
	done := make(chan struct{})
	go storm(int(null.Fd()), done)
	<-done
	time.Sleep(20 * time.Millisecond)
}

func storm(fd int, done chan<- struct{}) {
	b := []byte{0}
	for i := 0; i < 15000; i++ {
		syscall.Write(fd, b)
	}
	close(done)
}

// gc allocates beside a large heap, with a collector that runs often.
func gc() {
	heap := make([][]*node, 100)
	for i := range heap {
		heap[i] = make([]*node, 5000)
		for j := range heap[i] {
			heap[i][j] = new(node)
		}
	}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	done := make(chan struct{})
	for i := 0; i < 4; i++ {
		go churn(heap, i, done)
	}
	for i := 0; i < 4; i++ {
		<-done
	}
}

type node struct {
	next *node
	text [56]byte
}

func churn(heap [][]*node, from int, done chan<- struct{}) {
	for until := time.Now().Add(40 * time.Millisecond); time.Now().Before(until); {
		for i := from; i < len(heap); i += 4 {
			for j := range heap[i] {
				heap[i][j] = &node{next: heap[(i+4)%len(heap)][j]}
				heap[i][j].next.next = nil
			}
		}
	}
	done <- struct{}{}
}

// timers lets two thousand timers end at once.
func timers() {
	var left sync.WaitGroup
	at := time.Now().Add(50 * time.Millisecond)
	for i := 0; i < 2000; i++ {
		left.Add(1)
		time.AfterFunc(time.Until(at), func() { tick(&left) })
	}
	left.Wait()
}

func tick(left *sync.WaitGroup) {
	sink.Add(1)
	left.Done()
}

// stop has a goroutine that can't be preempted while the world is to be stopped: it copies
// a lot of memory at once.
func stop() {
	var enough atomic.Bool
	done := make(chan struct{})
	from, to := make([]byte, 64<<20), make([]byte, 64<<20)
	go pin(from, to, &enough, done)
	for i := 0; i < 10; i++ {
		time.Sleep(15 * time.Millisecond)
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
	}
	enough.Store(true)
	<-done
}

func pin(from, to []byte, enough *atomic.Bool, done chan<- struct{}) {
	for !enough.Load() {
		move(to, from)
	}
	close(done)
}

// move is where pin can be preempted: when it is called, and not before it has returned.
//
//go:noinline
func move(to, from []byte) {
	copy(to, from)
}
