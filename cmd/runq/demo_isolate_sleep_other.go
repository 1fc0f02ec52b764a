//go:build !linux

package main

import "time"

// exactSleep has nothing to prepare: Go's timers are as exact as the system's, except on Linux.
func exactSleep() {}

// nap sleeps for d.
func nap(d time.Duration) { time.Sleep(d) }
