package runq

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// childVariable names, in the environment of a child process, the function of
// childMains that it runs in place of the tests.
const childVariable = "RUNQ_TEST_CHILD"

// childMains are for what ends the process.
var childMains = map[string]func(){
	"crash":          childCrash,
	"crash-in-hook":  childCrashInHook,
	"crash-in-group": childCrashOfGrandchild,
}

// TestMain runs the tests and then looks for what they have left behind: goroutines
// and descriptors. Threads can't be looked for: Go's runtime keeps those that it has
// started.
func TestMain(m *testing.M) {
	if main := childMains[os.Getenv(childVariable)]; main != nil {
		main()
		os.Exit(0)
	}
	flag.Parse()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	code := m.Run()
	Default().Close()
	if code == 0 {
		code = findLeaks(goroutines, files)
	}
	os.Exit(code)
}

// findLeaks returns the exit status: 1 if more is left than there was.
func findLeaks(goroutines int, files map[string]string) (code int) {
	// A goroutine that has said that it is done needs a moment to be gone.
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		fmt.Printf("LEAK: %d goroutines, there were %d before the tests:\n%s\n", n, goroutines, allStacks())
		code = 1
	}
	for fd, name := range openFiles() {
		if files[fd] != name {
			fmt.Printf("LEAK: descriptor %s: %s\n", fd, name)
			code = 1
		}
	}
	return code
}

// openFiles returns the open descriptors and what they stand for; but for those
// that Go's poller opens when it is first used, and keeps.
func openFiles() map[string]string {
	files := make(map[string]string)
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return files // not this system's way to tell
	}
	for _, f := range dir {
		name, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err == nil && !strings.HasPrefix(name, "anon_inode:[event") {
			files[f.Name()] = name
		}
	}
	return files
}
