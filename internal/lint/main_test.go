package lint

import (
	"testing"

	"github.com/runq-go/runq/internal/leak"
)

// TestMain: the tree that the tests share stays, with the syntax of every file:
// some hundred bytes for each line of the repository.
func TestMain(m *testing.M) { leak.Main(m, leak.Budget{Heap: 64 << 20}) }
