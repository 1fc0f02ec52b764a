package runqprom_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqprom"
)

func ExampleNewCollector() {
	s, _ := runq.New(runq.Config{Procs: 2, Logger: slog.New(slog.DiscardHandler)})
	defer s.Close()
	reg := prometheus.NewRegistry()
	reg.MustRegister(runqprom.NewCollector(s, runqprom.WithName("reports")))

	s.Background().Run(nil, func(t *runq.Task) error { return nil })

	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "runq_tasks_spawned_total") || strings.HasPrefix(line, "runq_class_background") {
			fmt.Print(line)
		}
	}
	// Output:
	// runq_class_background{class="background",scheduler="reports"} 1
	// runq_class_background{class="interactive",scheduler="reports"} 0
	// runq_class_background{class="normal",scheduler="reports"} 0
	// runq_tasks_spawned_total{scheduler="reports"} 1
}
