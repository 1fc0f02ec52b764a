package runqhttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
)

// What the scheduler does is shown beside net/http/pprof, and what it did last can be had
// when something has gone wrong.
func ExampleDebugHandler() {
	s, _ := runq.New(runq.Config{Trace: true, Logger: quiet})
	defer s.Close()
	flight, _ := s.FlightRecorder(runq.FlightRecorderConfig{Last: 10 * time.Second})
	defer flight.Stop()
	mux := http.NewServeMux()
	mux.Handle("/debug/runq/", runqhttp.DebugHandler(s, flight))

	srv := httptest.NewServer(mux)
	defer srv.Close()
	recording := fetch(srv, "/debug/runq/flightrecorder")
	fmt.Println(strings.HasPrefix(recording, "runq trace"))
	// Output: true
}
