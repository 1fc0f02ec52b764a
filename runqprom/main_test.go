package runqprom

import (
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/leak"
)

// TestMain: the metrics that are gathered, and package prometheus's own descriptors.
func TestMain(m *testing.M) {
	leak.Main(m, leak.Budget{Heap: 16 << 20, Close: func() { runq.Default().Close() }})
}
