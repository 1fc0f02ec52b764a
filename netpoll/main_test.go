package netpoll

import (
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/leak"
)

// TestMain: buffers of thousands of connections stay in pools for a while, and tests
// with net have a thread or two in the resolver.
func TestMain(m *testing.M) {
	leak.Main(m, leak.Budget{Heap: 32 << 20, Threads: 64, Close: func() { runq.Default().Close() }})
}
