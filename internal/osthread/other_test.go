//go:build !linux

package osthread

import (
	"errors"
	"testing"
)

// TestUnsupported: whoever asks is told that there is nothing, not given zeros.
func TestUnsupported(t *testing.T) {
	_, nice := Nice()
	_, affinity := Affinity()
	_, cpu := CPUTime(1)
	_, process := ProcessCPUTime()
	_, idle := Idle()
	_, account := Schedstat()
	for _, err := range []error{SetNice(1), nice, SetAffinity([]int{0}), affinity, cpu, process, SetIdle(), idle, account} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %v, not errors.ErrUnsupported", err)
		}
	}
}
