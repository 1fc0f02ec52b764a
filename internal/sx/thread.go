//go:build !model

package sx

import "runtime"

// Go starts a thread that runs f.
func Go(f func()) { go f() }

// Gosched lets others run, for who waits in a loop.
func Gosched() { runtime.Gosched() }

// Crash ends the process as a panic does that nobody can recover. It doesn't return.
func Crash(err error) {
	go func() { panic(err) }()
	select {}
}
