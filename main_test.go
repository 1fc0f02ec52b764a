package runq

import (
	"os"
	"testing"

	"github.com/runq-go/runq/internal/leak"
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

func TestMain(m *testing.M) {
	if main := childMains[os.Getenv(childVariable)]; main != nil {
		main()
		os.Exit(0)
	}
	leak.Main(m, leak.Budget{
		// Go keeps half a kilobyte of every goroutine that there was at the same time,
		// and some tests have ten thousand tasks that wait: 5 MiB were measured.
		Heap: 16 << 20,
		// The trees of the stress tests have dozens of tasks that are locked to a thread
		// or in a call at the same time: 53 threads were measured in all.
		Threads: 96,
		Close:   func() { Default().Close() },
	})
}
