package runqhttp_test

import (
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/leak"
)

// TestMain: package http keeps buffers of connections in pools, and background classes
// have threads of their own.
func TestMain(m *testing.M) {
	leak.Main(m, leak.Budget{Heap: 16 << 20, Threads: 64, Close: func() { runq.Default().Close() }})
}
