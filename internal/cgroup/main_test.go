package cgroup

import (
	"os"
	"testing"

	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	leak.Main(m, leak.Budget{})
}
