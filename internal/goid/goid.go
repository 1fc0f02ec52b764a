// Package goid tells goroutines apart.
//
// Go hides the id of a goroutine on purpose: programs should pass state to
// functions, not hang it on goroutines. Code that is called through an API it
// can't change, a plain func() error, has nothing to pass state with. For it,
// and for nothing else, this package reads the id from where the runtime prints
// it. The ways that are faster know the runtime's layout and break with it.
package goid

import (
	"bytes"
	"runtime"
	"sync"
)

// prefix is what the first line of every stack trace begins with; the id follows,
// in decimal.
const prefix = "goroutine "

// bufSize holds the prefix and the twenty digits of the largest id. The runtime
// formats the whole trace whatever the buffer's size, and drops what doesn't fit.
const bufSize = len(prefix) + 20

// buffers are reused, because what is passed to runtime.Stack escapes.
var buffers = sync.Pool{New: func() any { return new([bufSize]byte) }}

// Get returns the id of the calling goroutine, which no other goroutine of the
// process has, had or will have. It takes one to two microseconds on a stack of a
// few frames and twenty times that on one of a hundred, because the runtime
// formats the trace first, and under a lock of the whole process at that, so calls
// from many threads queue up: it is for slow paths only. It doesn't allocate, waits
// for nothing else and never returns 0.
func Get() uint64 {
	buf := buffers.Get().(*[bufSize]byte)
	id := parse(buf[:runtime.Stack(buf[:], false)])
	buffers.Put(buf)
	return id
}

// parse reads the id from the beginning of a stack trace. A trace that looks
// different means that this package doesn't fit the Go release: it panics.
func parse(trace []byte) uint64 {
	digits, ok := bytes.CutPrefix(trace, []byte(prefix))
	var id uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	if !ok || id == 0 {
		panic("BUG: goid: no goroutine id at the beginning of the stack trace " + string(trace))
	}
	return id
}
