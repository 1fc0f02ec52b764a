//go:build model

package sx

import (
	"runtime"

	"github.com/runq-go/runq/internal/model"
)

// Go starts a thread that runs f.
func Go(f func()) {
	if x := model.Current(); x != nil {
		x.Spawn(f)
		return
	}
	go f()
}

// Gosched lets others run, for who waits in a loop.
func Gosched() {
	if x := model.Current(); x != nil {
		x.Yield()
		return
	}
	runtime.Gosched()
}

// Crash ends the process as a panic does that nobody can recover, or the execution
// as a failure. It doesn't return.
func Crash(err error) {
	if x := model.Current(); x != nil {
		x.Failf("%v", err)
	}
	go func() { panic(err) }()
	select {}
}
