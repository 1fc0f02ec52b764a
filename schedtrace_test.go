package runq

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines is an io.Writer that keeps whole lines.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.buf.String(), "\n"), "\n")
}

// The formats of a schedtrace: what a program that reads it may rely on.
var (
	schedLine = regexp.MustCompile(`^SCHED \d+ms: procs=\d+ idleprocs=\d+ threads=\d+ spinningthreads=\d+ idlethreads=\d+ blocked=\d+ overrun=\d+ live=\d+ runqueue=\d+ \[(\d+( \d+)*)?\]$`)
	procLine  = regexp.MustCompile(`^  P\d+: status=(idle|running|stopped|unseated|dead) schedtick=\d+ m=-?\d+ runqsize=\d+ freestacks=\d+ timerslen=\d+$`)
	mLine     = regexp.MustCompile(`^  M\d+: p=-?\d+ curg=\d+ status=[a-z]+$`)
	gLine     = regexp.MustCompile(`^  G\d+: status=[a-z]+\([A-Za-z]+\) parent=\d+ waker=\d+ for=[^ ]+ locked=(true|false) label=".*" fn=.+$`)
	stuckLine = regexp.MustCompile(`^  stuck: G\d+ (blocking call|overrun) for=[^ ]+ state=".*" label=".*" fn=.+$`)
)

func TestSchedTrace(t *testing.T) {
	out := new(lines)
	s := openScheduler(t, Config{Procs: 3, SchedTrace: time.Millisecond, SchedTraceOutput: out})
	runIn(t, s, func(tk *Task) {
		for len(out.get()) < 10 {
			tk.Sleep(100 * time.Microsecond)
		}
	})
	closeInTime(t, s)
	n := len(out.get())
	for _, l := range out.get() {
		if !schedLine.MatchString(l) {
			t.Errorf("the line %q isn't of the form %v", l, schedLine)
		}
		if !strings.Contains(l, "procs=3 ") {
			t.Errorf("the line %q doesn't say procs=3", l)
		}
	}
	if n != len(out.get()) {
		t.Error("lines come after Close")
	}
}

func TestSchedTraceDetail(t *testing.T) {
	out := new(lines)
	s := openScheduler(t, Config{Procs: 2, SchedTrace: time.Millisecond, SchedDetail: true, SchedTraceOutput: out})
	release := make(chan struct{})
	s.Go(func(tk *Task) {
		tk.SetLabel(`it "blocks"`)
		tk.Block(func() { <-release })
	})
	ctx, wakeUp := context.WithCancel(context.Background())
	slept := async(func() error {
		return s.Run(ctx, func(tk *Task) error { tk.Sleep(time.Hour); return nil })
	})
	g, _ := NewGroup(nil, s)
	g.Go(func(tk *Task) error {
		for {
			text := strings.Join(out.get(), "\n")
			if strings.Contains(text, `stuck: G`) && strings.Contains(text, "waiting(WaitSleep)") {
				return nil
			}
			tk.Yield()
		}
	})
	if err := g.Wait(nil); err != nil {
		t.Fatal(err)
	}
	close(release)
	wakeUp()
	if err := awaitClosed(t, "the sleeper", slept); err != nil {
		t.Error(err)
	}
	checkDetail(t, out.get())
}

// checkDetail checks the form of each line of a detailed trace, and that there is
// a line of each kind.
func checkDetail(t *testing.T, all []string) {
	t.Helper()
	kinds := map[string]*regexp.Regexp{"SCHED ": schedLine, "  P": procLine, "  M": mLine, "  G": gLine, "  stuck": stuckLine}
	seen := make(map[string]int)
	for _, l := range all {
		known := false
		for prefix, form := range kinds {
			if strings.HasPrefix(l, prefix) {
				known = true
				seen[prefix]++
				if !form.MatchString(l) {
					t.Errorf("the line %q isn't of the form %v", l, form)
				}
			}
		}
		if !known {
			t.Errorf("the line %q is of no known kind", l)
		}
	}
	for prefix := range kinds {
		if seen[prefix] == 0 {
			t.Errorf("there is no line that begins with %q", prefix)
		}
	}
}
