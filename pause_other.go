//go:build !linux

package runq

import "time"

// pause sleeps by a Go timer, where no portable call sleeps in the kernel: sysmon's
// beat is then late when every Go P is busy.
func pause(d time.Duration) { time.Sleep(d) }
