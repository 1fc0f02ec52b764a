package osthread

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onThread runs fn on a thread of its own, which ends afterwards whatever was done
// to it.
func onThread(t *testing.T, fn func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		done <- fn()
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestNice: a thread gets the value that is set, and no other thread does.
func TestNice(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := Nice()
	if err != nil {
		t.Fatal(err)
	}
	for n := own; n <= MaxNice; n++ {
		onThread(t, func() error {
			if err := SetNice(n); err != nil {
				return err
			}
			if got, err := Nice(); got != n || err != nil {
				return fmt.Errorf("Nice after SetNice(%d): %d, %v", n, got, err)
			}
			return nil
		})
	}
	if got, err := Nice(); got != own || err != nil {
		t.Errorf("Nice of another thread: %d, %v; it was %d", got, err, own)
	}
}

// TestNiceNotInherited: what a locked nice thread starts runs on other threads.
func TestNiceNotInherited(t *testing.T) {
	runtime.LockOSThread()
	own, err := Nice()
	runtime.UnlockOSThread()
	if err != nil {
		t.Fatal(err)
	}
	onThread(t, func() error {
		if err := SetNice(MaxNice); err != nil {
			return err
		}
		for range 50 { // more than there are threads waiting for work
			got := make(chan int)
			go func() {
				runtime.LockOSThread() // and never unlocked: the next needs another thread
				n, _ := Nice()
				got <- n
			}()
			if n := <-got; n != own {
				return fmt.Errorf("a goroutine started from a nice thread has nice value %d, not %d", n, own)
			}
		}
		return nil
	})
}

func TestNiceRange(t *testing.T) {
	for _, n := range []int{MinNice - 1, MaxNice + 1, math.MinInt, math.MaxInt} {
		err := SetNice(n)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(n)) {
			t.Errorf("SetNice(%d): %v; want an error that names the value", n, err)
		}
	}
}

// TestNiceNotPermitted takes the right to lower nice values from one thread:
// capabilities, too, belong to threads.
func TestNiceNotPermitted(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NICE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur > 0 {
		t.Skip("RLIMIT_NICE permits lower nice values whatever the capabilities")
	}
	onThread(t, func() error {
		if err := dropCapability(unix.CAP_SYS_NICE); err != nil {
			return err
		}
		if err := SetNice(MaxNice); err != nil {
			return fmt.Errorf("raising must always be allowed: %w", err)
		}
		err := SetNice(3)
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "nice value 3 ") || !strings.Contains(err.Error(), "RLIMIT_NICE") {
			return fmt.Errorf("SetNice without permission: %v; want os.ErrPermission, the value and what to do", err)
		}
		if got, err := Nice(); got != MaxNice || err != nil {
			return fmt.Errorf("after a failure: %d, %v; want %d", got, err, MaxNice)
		}
		return nil
	})
}

// dropCapability gives up what the calling thread may do.
func dropCapability(which uint) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[which/32].Effective &^= 1 << (which % 32)
	return unix.Capset(&header, &data[0])
}

func TestAffinity(t *testing.T) {
	all, err := Affinity()
	if err != nil || len(all) == 0 || !slices.IsSorted(all) {
		t.Fatalf("Affinity: %v, %v", all, err)
	}
	for _, cpu := range all {
		onThread(t, func() error {
			if err := SetAffinity([]int{cpu, MaxCPUs - 1, cpu}); err != nil { // the last one hardly exists
				return err
			}
			if got, err := Affinity(); !slices.Equal(got, []int{cpu}) || err != nil {
				return fmt.Errorf("Affinity after SetAffinity(%d): %v, %v", cpu, got, err)
			}
			var on uint32
			if err := getcpu(&on); err != nil || on != uint32(cpu) {
				return fmt.Errorf("on CPU %d after SetAffinity(%d): %v", on, cpu, err)
			}
			return nil
		})
	}
	if got, err := Affinity(); !slices.Equal(got, all) || err != nil {
		t.Errorf("Affinity of another thread: %v, %v; it was %v", got, err, all)
	}
}

func TestAffinityErrors(t *testing.T) {
	onThread(t, func() error {
		before, err := Affinity()
		if err != nil {
			return err
		}
		for _, c := range []struct {
			cpus []int
			want string
		}{
			{nil, "no CPU"},
			{[]int{0, -1}, "CPU -1"},
			{[]int{0, MaxCPUs}, "CPU 8192"},
			{[]int{MaxCPUs - 1}, "none of them is online"},
		} {
			if err := SetAffinity(c.cpus); err == nil || !strings.Contains(err.Error(), c.want) {
				return fmt.Errorf("SetAffinity(%v): %v; want an error with %q", c.cpus, err, c.want)
			}
		}
		if after, err := Affinity(); !slices.Equal(before, after) || err != nil {
			return fmt.Errorf("Affinity after failures: %v, %v; want %v", after, err, before)
		}
		return nil
	})
}

// TestCPUTime watches a thread that computes, from another one, until it has used
// some time; and afterwards until it is gone.
func TestCPUTime(t *testing.T) {
	ids := make(chan int)
	var stop atomic.Bool
	go func() {
		runtime.LockOSThread() // and never unlocked
		ids <- ID()
		for !stop.Load() {
		}
	}()
	tid := <-ids
	processBefore, err := ProcessCPUTime()
	if err != nil {
		t.Fatal(err)
	}
	first, err := CPUTime(tid)
	if err != nil {
		t.Fatal(err)
	}
	last := first
	for last < first+5*time.Millisecond {
		now, err := CPUTime(tid)
		if err != nil || now < last {
			t.Fatalf("CPUTime went from %v to %v, %v", last, now, err)
		}
		last = now
	}
	process, err := ProcessCPUTime()
	if err != nil || process-processBefore < last-first {
		t.Errorf("the process used %v, %v, one of its threads %v", process-processBefore, err, last-first)
	}
	stop.Store(true)
	for err == nil { // until the thread is gone
		_, err = CPUTime(tid)
		runtime.Gosched()
	}
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), fmt.Sprint(tid)) {
		t.Errorf("CPUTime of a thread that has ended: %v; want one that names it", err)
	}
}

// TestCPUTimeOfOthers: numbers that are no thread of this process.
func TestCPUTimeOfOthers(t *testing.T) {
	for _, tid := range []int{0, -1, os.Getppid()} {
		if used, err := CPUTime(tid); err == nil {
			t.Errorf("CPUTime(%d) = %v, no error", tid, used)
		}
	}
}

// TestCPUTimeIsOwn compares with the clock that only the thread itself can read.
func TestCPUTimeIsOwn(t *testing.T) {
	onThread(t, func() error {
		for range 100 {
			before, e1 := read(unix.CLOCK_THREAD_CPUTIME_ID)
			got, err := CPUTime(ID())
			after, e2 := read(unix.CLOCK_THREAD_CPUTIME_ID)
			if e1 != 0 || e2 != 0 || err != nil || got < before || got > after {
				return fmt.Errorf("CPUTime = %v, %v; the thread's own clock said %v before and %v after", got, err, before, after)
			}
		}
		return nil
	})
}

func TestCPUTimeAllocates(t *testing.T) {
	tid := ID()
	if n := testing.AllocsPerRun(100, func() { CPUTime(tid); ProcessCPUTime() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCPUTime(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tid := ID()
	b.Run("clock", func(b *testing.B) {
		for b.Loop() {
			if _, err := CPUTime(tid); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			if _, err := ProcessCPUTime(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("schedstat", func(b *testing.B) {
		for b.Loop() {
			if _, err := Schedstat(); err != nil {
				b.Skip(err)
			}
		}
	})
}

// getcpu tells on which CPU the calling thread runs.
func getcpu(cpu *uint32) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(cpu)), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// TestSetIdle: a thread gets the policy, keeps its nice value, and no other thread gets it.
func TestSetIdle(t *testing.T) {
	onThread(t, func() error {
		nice, err := Nice()
		if err != nil {
			return err
		}
		if idle, err := Idle(); idle || err != nil {
			return fmt.Errorf("a fresh thread: Idle = %v, %v", idle, err)
		}
		if err := SetIdle(); err != nil {
			return err
		}
		if idle, err := Idle(); !idle || err != nil {
			return fmt.Errorf("Idle = %v, %v after SetIdle", idle, err)
		}
		if n, err := Nice(); n != nice || err != nil {
			return fmt.Errorf("Nice = %v, %v after SetIdle; it was %d", n, err, nice)
		}
		other := make(chan error, 1)
		go func() {
			runtime.LockOSThread() // and never unlocked: it needs a thread of its own
			idle, err := Idle()
			if idle {
				err = errors.New("a goroutine started from an idle thread is on one, too")
			}
			other <- err
		}()
		return <-other
	})
}

// TestSchedstat: a thread that has to share a processor waits for it, and is told so.
func TestSchedstat(t *testing.T) {
	if _, err := os.Stat("/proc/thread-self/schedstat"); errors.Is(err, os.ErrNotExist) {
		t.Skip("this kernel keeps no account of threads (CONFIG_SCHED_INFO)")
	}
	cpus, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	one := cpus[:1]
	var over atomic.Bool
	rival := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := SetAffinity(one)
		rival <- err
		for err == nil && !over.Load() {
		}
		rival <- nil
	}()
	if err := <-rival; err != nil {
		t.Fatal(err)
	}
	onThread(t, func() error {
		if err := SetAffinity(one); err != nil {
			return err
		}
		for last := (Account{}); ; {
			a, err := Schedstat()
			if err != nil || a.Waited < last.Waited || a.Ran < last.Ran || a.Times < last.Times {
				return fmt.Errorf("Schedstat = %+v, %v; before it was %+v", a, err, last)
			}
			if last = a; a.Waited > 20*time.Millisecond && a.Ran > 20*time.Millisecond && a.Times > 1 {
				return nil // else the test's deadline ends it
			}
		}
	})
	over.Store(true)
	<-rival
}

// TestParseSchedstat: texts that aren't an account.
func TestParseSchedstat(t *testing.T) {
	for text, ok := range map[string]bool{
		"12 34 5\n": true, "0 9223372036854775807 0": true, "1 2": false,
		"": false, "12\n": false, "1 x 2": false, "0 9223372036854775808 0": false,
	} {
		if _, err := parseSchedstat([]byte(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
