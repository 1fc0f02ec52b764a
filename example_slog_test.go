package runq_test

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/runq-go/runq"
)

// A logger made with a task says of each record which task it comes from.
func ExampleTask_LogValue() {
	s, err := runq.New(runq.Config{Procs: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	untimed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: untimed}))
	s.Interactive().Run(nil, func(t *runq.Task) error {
		t.SetLabel("GET /")
		log := logger.With("task", t)
		log.Info("begun")
		t.Block(func() { log.Info("reading") }) // log has the values, and doesn't need t
		return nil
	})
	logger.Info("over", "class", s.Interactive())
	// Output:
	// level=INFO msg=begun task.id=1 task.class=interactive task.label="GET /"
	// level=INFO msg=reading task.id=1 task.class=interactive task.label="GET /"
	// level=INFO msg=over class.name=interactive class.weight=1000 class.background=false
}
