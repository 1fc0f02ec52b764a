package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/osthread"
)

// onThread calls f on a thread that ends afterwards, which the process's first can't.
func onThread(f func()) {
	runtime.LockOSThread()
	if osthread.ID() != os.Getpid() {
		f()
		return // and the thread ends with its goroutine
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
	runtime.UnlockOSThread()
}

// TestRealChild: the kernel takes a thread of this process into a group, and keeps it to a limit.
func TestRealChild(t *testing.T) {
	g, err := Find(os.DirFS("/"))
	if err != nil {
		t.Skip(err)
	}
	child, err := g.NewChild("/")
	if err != nil {
		t.Skip(err)
	}
	for _, byNumber := range []bool{false, true} {
		done := make(chan string)
		go onThread(func() { done <- useChild(child, byNumber) })
		wrong := <-done
		if wrong == starved {
			t.Log(wrong)
		} else if wrong != "" {
			t.Errorf("by number: %v; %s", byNumber, wrong)
		}
	}
	dir := child.Dir()
	if err := child.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is still there", dir)
	}
}

// starved is what useChild returns when other programs want all CPUs: the group gets next to none then.
const starved = "it has had less than its limit"

// useChild puts the calling thread into the group, and lets it be throttled. It returns what is wrong.
func useChild(child *Child, byNumber bool) string {
	const enough = 5 * time.Second
	limit := Limit{ms, 100 * ms}
	tid, as := osthread.ID(), 0
	if byNumber {
		as = tid
	}
	if err := child.Add(as); err != nil {
		return err.Error()
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/cgroup", tid))
	if err != nil || !strings.Contains(string(groups), "/"+filepath.Base(child.Dir())+"\n") {
		return fmt.Sprintf("the thread is in %s, %v; want %s", groups, err, child.Dir())
	}
	if err := child.SetLimit(limit); err != nil {
		return err.Error()
	}
	before, err := child.Throttled()
	if err != nil {
		return err.Error()
	}
	used, _ := osthread.CPUTime(tid)
	begun := time.Now()
	for time.Since(begun) < enough {
		now, err := child.Throttled()
		if err != nil {
			return err.Error()
		}
		if now.ThrottledPeriods > before.ThrottledPeriods && now.Time > before.Time {
			if err := child.SetLimit(Limit{}); err != nil {
				return err.Error()
			}
			return ""
		}
	}
	if now, err := osthread.CPUTime(tid); err == nil && float64(now-used) < limit.CPUs()*float64(time.Since(begun)) {
		return starved
	}
	return "it is never throttled"
}

// BenchmarkChild: what it costs to put a thread into a group, and to change the limit.
func BenchmarkChild(b *testing.B) {
	g, err := Find(os.DirFS("/"))
	if err != nil {
		b.Skip(err)
	}
	child, err := g.NewChild("/")
	if err != nil {
		b.Skip(err)
	}
	done := make(chan bool)
	go onThread(func() {
		defer close(done)
		for _, self := range []bool{true, false} {
			b.Run(fmt.Sprintf("add/self=%v", self), func(b *testing.B) {
				ended := make(chan error)
				go onThread(func() {
					tid := osthread.ID()
					if self {
						tid = 0
					}
					var err error
					for b.Loop() {
						err = child.Add(tid)
					}
					ended <- err
				})
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
			})
		}
		b.Run("limit", func(b *testing.B) {
			for b.Loop() {
				if err := child.SetLimit(LimitOf(0.2, 10*ms)); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	<-done
	if err := child.Remove(); err != nil {
		b.Error(err)
	}
}
