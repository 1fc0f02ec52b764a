package main

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/runq-go/runq"
)

// A recording names tasks by the function that they were started with. So these are
// functions of the package, and what they share are variables.

var (
	sink atomic.Int64
	left runq.WaitGroup // the tasks of a program that haven't ended
)

// spin computes for a while, without a call that the scheduler could use.
func spin(d time.Duration) {
	n := int64(0)
	for until := time.Now().Add(d); time.Now().Before(until); {
		for i := range int64(1000) {
			n += n<<3 ^ i
		}
	}
	sink.Store(n)
}

// each starts n tasks more that call left.Done.
func each(t *runq.Task, n int, f func(*runq.Task)) {
	left.Add(n)
	for range n {
		t.Go(f)
	}
}

var requests = runq.NewChan[int](100)

// hogs compute, and one task that has little to do, for requests that come from outside,
// can't do it. (Were it to sleep, one wouldn't see that it is late: timers, too, have to
// wait for a P.)
func hogs(t *runq.Task) error {
	each(t, 4, hog)
	each(t, 1, victim)
	go func() {
		defer requests.Close()
		for i := range 40 {
			time.Sleep(10 * time.Millisecond)
			requests.TrySend(i)
		}
	}()
	return left.Wait(t)
}

// hog computes for longer than a slice at a time, and doesn't call Checkpoint.
func hog(t *runq.Task) {
	defer left.Done(t)
	for range 8 {
		spin(25 * time.Millisecond)
		t.Yield()
	}
}

func victim(t *runq.Task) {
	defer left.Done(t)
	for range requests.All(t) {
		spin(50 * time.Microsecond)
	}
}

var lock runq.Mutex

// convoy is eight tasks that need one lock, of which the holder sleeps.
func convoy(t *runq.Task) error {
	each(t, 8, locker)
	return left.Wait(t)
}

func locker(t *runq.Task) {
	defer left.Done(t)
	for range 25 {
		lock.Lock(t)
		t.Sleep(time.Millisecond)
		lock.Unlock(t)
	}
}

var first, second = runq.NewChan[int](0), runq.NewChan[int](0)

// pipeline is three stages, of which the second one is slow.
func pipeline(t *runq.Task) error {
	each(t, 1, produce)
	each(t, 1, slow)
	each(t, 1, consume)
	return left.Wait(t)
}

func produce(t *runq.Task) {
	defer left.Done(t)
	defer first.Close()
	for i := range 100 {
		if first.Send(t, i) != nil {
			return
		}
	}
}

// slow calls Checkpoint, so that it is no hog besides.
func slow(t *runq.Task) {
	defer left.Done(t)
	defer second.Close()
	for n := range first.All(t) {
		for range 20 {
			spin(100 * time.Microsecond)
			t.Checkpoint()
		}
		if second.Send(t, n) != nil {
			return
		}
	}
}

func consume(t *runq.Task) {
	defer left.Done(t)
	for n := range second.All(t) {
		sink.Add(int64(n))
	}
}

// block is a dozen tasks in calls that take their time.
func block(t *runq.Task) error {
	each(t, 12, caller)
	return left.Wait(t)
}

func caller(t *runq.Task) {
	defer left.Done(t)
	for range 5 {
		t.Block(func() { time.Sleep(30 * time.Millisecond) })
	}
}

// callstorm makes one short call after the other, and has another task beside it that
// makes few.
func callstorm(t *runq.Task) error {
	each(t, 1, storm)
	each(t, 1, seldom)
	return left.Wait(t)
}

func storm(t *runq.Task) {
	defer left.Done(t)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	defer null.Close()
	fd, b := int(null.Fd()), []byte{0}
	t.Sleep(20 * time.Millisecond)
	for range 40000 {
		t.Block(func() { syscall.Write(fd, b) })
	}
	t.Sleep(20 * time.Millisecond)
}

func seldom(t *runq.Task) {
	defer left.Done(t)
	for range 40 {
		t.Block(func() { time.Sleep(100 * time.Microsecond) })
		t.Sleep(time.Millisecond)
	}
}

var alarm time.Time

// timers lets two thousand tasks sleep until the same time. (Timers that start tasks would
// do as well, but of tasks that never wait a recording doesn't say when they became ready:
// see docs/design/0004.)
func timers(t *runq.Task) error {
	alarm = time.Now().Add(100 * time.Millisecond)
	each(t, 2000, sleeper)
	return left.Wait(t)
}

func sleeper(t *runq.Task) {
	defer left.Done(t)
	t.Sleep(time.Until(alarm))
	sink.Add(1)
}

// background has two tasks compute in the background, beside some that answer quickly:
// nothing is wrong with it.
func background(t *runq.Task) error {
	left.Add(2)
	for range 2 {
		t.Scheduler().Background().Go(compute)
	}
	each(t, 4, answer)
	return left.Wait(t)
}

func compute(t *runq.Task) {
	defer left.Done(t)
	for range 2000 {
		spin(100 * time.Microsecond)
		t.Checkpoint()
	}
}

func answer(t *runq.Task) {
	defer left.Done(t)
	for range 50 {
		spin(100 * time.Microsecond)
		t.Sleep(4 * time.Millisecond)
	}
}
