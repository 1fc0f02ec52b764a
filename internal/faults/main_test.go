package faults

import (
	"os"
	"testing"

	"github.com/runq-go/runq/internal/leak"
)

// childVariable names, in the environment of a child process, what it does.
const childVariable = "RUNQ_FAULTS_CHILD"

// childMains are what child processes do in place of the tests.
var childMains = map[string]func(){
	"work":         func() { childWork(nil) },
	"work, calm":   func() { calm(); childWork(nil) },
	"work, procs":  func() { childWork(changeProcs) },
	"work, GC":     func() { childWork(collectAlways) },
	"trace":        func() { childTrace(false) },
	"trace detail": func() { childTrace(true) },
}

func TestMain(m *testing.M) {
	if main := childMains[os.Getenv(childVariable)]; main != nil {
		main()
		os.Exit(0)
	}
	leak.Main(m, leak.Budget{})
}
