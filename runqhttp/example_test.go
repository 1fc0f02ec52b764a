package runqhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
)

// One route computes, and must not slow down the others.
func ExampleHandler() {
	s, _ := runq.New(runq.Config{Logger: quiet})
	defer s.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	mux.Handle("/report", runqhttp.Handler(s.Background(), http.HandlerFunc(report)))

	srv := httptest.NewServer(mux)
	defer srv.Close()
	fmt.Print(fetch(srv, "/"), fetch(srv, "/report"))
	// Output:
	// hello
	// the sum is 499999500000, by the class background
}

// report computes in parts that may run side by side.
func report(w http.ResponseWriter, r *http.Request) {
	t := runqhttp.TaskFrom(r.Context())
	sum, err := runq.Reduce(t, 1_000_000, sumOf, func(a, b int) int { return a + b })
	if err != nil {
		return // the client is gone
	}
	fmt.Fprintf(w, "the sum is %d, by the class %s\n", sum, t.Class().Name())
}

func sumOf(_ *runq.Task, lo, hi int) (sum int) {
	for i := lo; i < hi; i++ {
		sum += i
	}
	return sum
}

// Which route is of which class may come from a configuration file.
func ExampleRoutes() {
	s, _ := runq.New(runq.Config{Logger: quiet})
	defer s.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	mux.HandleFunc("GET /report", report)

	_, err := runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: map[string]string{"GET /report": "bg"}})
	fmt.Println(err)

	h, _ := runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: map[string]string{"GET /report": "background"}})
	srv := httptest.NewServer(h)
	defer srv.Close()
	fmt.Print(fetch(srv, "/"), fetch(srv, "/report"))
	// Output:
	// runqhttp: Routes: pattern "GET /report": runq: there is no class "bg": there are interactive, normal, background
	// hello
	// the sum is 499999500000, by the class background
}

func fetch(srv *httptest.Server, path string) string {
	r, err := srv.Client().Get(srv.URL + path)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return string(body)
}
