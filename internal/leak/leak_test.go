package leak

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// kindVariable names, in the environment of a child process, what it leaks.
const kindVariable = "RUNQ_LEAK_KIND"

// TestMain is a test of itself: in a child process, TestChild leaks on purpose, and
// Main must say so.
func TestMain(m *testing.M) {
	if kind := os.Getenv(kindVariable); len(kinds[kind].says) > 0 {
		patience = time.Second // what is leaked on purpose doesn't go away
	}
	Main(m, Budget{})
}

// kept is what a child keeps.
var kept struct {
	memory []byte
	file   *os.File
	mu     sync.Mutex
}

// kinds are what a child does, and what its output then says.
var kinds = map[string]struct {
	do    func()
	linux bool // found on Linux only
	says  []string
}{
	"nothing": {do: func() {}},
	"what is allowed": {do: func() { // a pool's content and a goroutine that is about to end
		pool := sync.Pool{}
		buf := make([]byte, 64<<20)
		pool.Put(&buf)
		time.AfterFunc(20*time.Millisecond, func() {})
		go time.Sleep(20 * time.Millisecond)
	}},
	"goroutine": {do: leakGoroutine, says: []string{"LEAK: goroutine ", "leakGoroutine"}},
	"locked thread": {do: func() {
		go func() { runtime.LockOSThread(); select {} }()
	}, says: []string{"LEAK: goroutine ", "locked to thread"}},
	"memory":        {do: func() { kept.memory = make([]byte, 8<<20) }, says: []string{"bytes more are live", "leak.init"}},
	"threads":       {do: leakThreads, linux: true, says: []string{" threads, which is how many were needed at once"}},
	"descriptor":    {do: func() { kept.file, _ = os.Open("/dev/null") }, linux: true, says: []string{"LEAK: descriptor ", "/dev/null"}},
	"pipe":          {do: func() { _, kept.file, _ = os.Pipe() }, linux: true, says: []string{"LEAK: descriptor ", "pipe:"}},
	"running child": {do: func() { startChild("sleep", "1") }, linux: true, says: []string{"LEAK: child process ", "(sleep)"}},
	"zombie":        {do: func() { startChild("true") }, linux: true, says: []string{"LEAK: child process "}},
}

func leakGoroutine() { go func() { kept.mu.Lock(); kept.mu.Lock() }() }

// leakThreads needs more threads at once than the budget has, and then none of them.
func leakThreads() {
	var all, ready sync.WaitGroup
	done := make(chan struct{})
	for range maxThreads(DefaultThreads) {
		ready.Add(1)
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-done
		})
	}
	ready.Wait()
	close(done)
	all.Wait()
}

func startChild(name string, args ...string) {
	if err := exec.Command(name, args...).Start(); err != nil {
		panic(err)
	}
}

// TestChild is what a child runs; in the parent it has nothing to do.
func TestChild(*testing.T) {
	if kind := os.Getenv(kindVariable); kind != "" {
		kinds[kind].do()
	}
}

// TestEachKindIsFound: a process that leaks something fails and says what, and one
// that doesn't leak passes.
func TestEachKindIsFound(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if want.linux && runtime.GOOS != "linux" {
				t.Skip("this can't be looked for on ", runtime.GOOS)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestChild$")
			cmd.Env = append(os.Environ(), kindVariable+"="+kind)
			var out strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if len(want.says) == 0 {
				if err != nil {
					t.Errorf("%v\n%s", err, out.String())
				}
				return
			}
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
				t.Errorf("the process ended with %v, want exit status 1", err)
			}
			for _, w := range want.says {
				if !strings.Contains(out.String(), w) {
					t.Errorf("the output doesn't say %q:\n%s", w, out.String())
				}
			}
			// Until a child is waited for, its number is held by a descriptor.
			if n := strings.Count(out.String(), "LEAK:") - strings.Count(out.String(), "[pidfd]"); n != 1 {
				t.Errorf("it finds %d leaks, there is one:\n%s", n, out.String())
			}
		})
	}
}
