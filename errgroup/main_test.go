package errgroup_test

import (
	"os"
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) {
	if c, ok := crashes[os.Getenv(crashEnv)]; ok {
		c.run()
		os.Exit(0) // the panic was swallowed
	}
	leak.Main(m, leak.Budget{Close: func() { runq.Default().Close() }})
}
