//go:build cgo

package main

// #include <unistd.h>
// static void compute(int us) { usleep(us); }
import "C"

// foreign calls C code that takes its time.
func foreign() {
	done := make(chan struct{})
	for i := 0; i < 12; i++ {
		go crunch(done)
	}
	for i := 0; i < 12; i++ {
		<-done
	}
}

func crunch(done chan<- struct{}) {
	for i := 0; i < 5; i++ {
		C.compute(30000)
	}
	done <- struct{}{}
}
