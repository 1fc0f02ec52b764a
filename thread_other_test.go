//go:build !linux

package runq

import "time"

// threadID returns 0: there is no portable way to ask.
func threadID() int { return 0 }

func sleepInKernel() { time.Sleep(100 * time.Microsecond) }
