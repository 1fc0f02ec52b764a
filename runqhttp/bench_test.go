package runqhttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
)

// BenchmarkHandler is a handler that does nothing: called, in a task, and with its route
// looked up as well.
func BenchmarkHandler(b *testing.B) {
	s := newScheduler(b, runq.Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	routes, err := runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: map[string]string{"/": "normal"}})
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range []struct {
		name string
		http.Handler
	}{{"none", mux}, {"task", runqhttp.Handler(s.Normal(), mux)}, {"routes", routes}, {"background", runqhttp.Handler(s.Background(), mux)}} {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
