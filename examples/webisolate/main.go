// Command webisolate is a web server with a route that computes for a long time beside
// one that answers at once. The long one is handled in tasks of runq's background class:
// they get the processors that nobody else wants, so that the other route is as fast as
// if nothing was computed.
//
// With -listen it serves until it is killed: / answers at once, /report computes, and
// /metrics and /debug/pprof/ show what goes on. runqprom.Dashboard is a dashboard for
// the metrics. Without, it tries them all with package http's client.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
	"github.com/runq-go/runq/runqprom"
)

const usage = `webisolate serves a route that computes beside one that answers at once.

	webisolate                       try it: a few requests, and what they got
	webisolate -listen :8080         serve:
	    /                            answers at once
	    /report?n=3000000            finds primes, in tasks of the background class
	    /metrics                     for Prometheus
	    /debug/pprof/                profiles

To see that the one doesn't slow down the other, ask for a few reports at a time, and
then compare -class background with -class "", which is without runq.

Flags:
`

func main() {
	listen := flag.String("listen", "", "`address` to serve on, as host:port")
	class := flag.String("class", "background", "`class` that /report is handled in: background, normal, interactive, or none")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()

	s, err := runq.New(runq.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		log.Fatal(err)
	}
	h, err := handler(s, *class)
	if err != nil {
		log.Fatal(err)
	}
	if *listen != "" {
		log.Print("serving on ", *listen)
		log.Fatal(http.ListenAndServe(*listen, h))
	}
	if err := try(h); err != nil {
		log.Fatal(err)
	}
	s.Close()

	// Output:
	// /: hello
	// /report?n=1000: 168 primes below 1000, found by the class background
	// /report?n=100000: 9592 primes below 100000, found by the class background
	// /report?n=none: 400 Bad Request
	// /metrics: runq_class_background{class="background",scheduler="default"} 1
	// /metrics: runq_tasks_blocked{scheduler="default"} 0
	// /debug/pprof/cmdline: 200 OK
}

// handler makes the server's routes; /report is handled in the class, "" for none.
func handler(s *runq.Scheduler, class string) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(runqprom.NewCollector(s)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	mux.HandleFunc("/report", report)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if class == "" {
		return mux, nil
	}
	return runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: map[string]string{"/report": class}})
}

const (
	usual = 3_000_000   // numbers that a report looks at if nobody says how many: a second or so
	most  = 100_000_000 // and at most: a minute or so
)

// report finds primes the slow way: in a parallel loop, the parts of which are of the
// class of the request, or plainly on the connection's goroutine if that has none.
func report(w http.ResponseWriter, r *http.Request) {
	n := usual
	if text := r.FormValue("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 || n > most {
			http.Error(w, fmt.Sprintf("n is %q: it must be a number, at most %d", text, most), http.StatusBadRequest)
			return
		}
	}
	t := runqhttp.TaskFrom(r.Context())
	if t == nil {
		fmt.Fprintf(w, "%d primes below %d, found by a goroutine\n", primes(nil, 0, n), n)
		return
	}
	found, err := runq.Reduce(t, n, primes, func(a, b int) int { return a + b })
	if err != nil {
		log.Print("report: ", err) // the client has gone away: there is nobody to answer
		return
	}
	fmt.Fprintf(w, "%d primes below %d, found by the class %s\n", found, n, t.Class().Name())
}

// primes counts the primes in a range. A loop of runq's comes to checkpoints by itself.
func primes(_ *runq.Task, lo, hi int) (found int) {
	for n := max(lo, 2); n < hi; n++ {
		if prime(n) {
			found++
		}
	}
	return found
}

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

// try asks the server for everything once.
func try(h http.Handler) error {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h}
	defer srv.Close()
	go srv.Serve(l)
	for _, path := range []string{"/", "/report?n=1000", "/report?n=100000", "/report?n=none", "/metrics", "/debug/pprof/cmdline"} {
		r, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return err
		}
		show(path, r.Status, string(body))
	}
	return nil
}

// show prints what is worth seeing of an answer: always the same.
func show(path, status, body string) {
	switch {
	case status != "200 OK" || strings.HasPrefix(path, "/debug/"):
		fmt.Printf("%s: %s\n", path, status)
	case path == "/metrics":
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, `runq_class_background{class="background"`) || strings.HasPrefix(line, "runq_tasks_blocked") {
				fmt.Printf("%s: %s", path, line)
			}
		}
	default:
		fmt.Printf("%s: %s", path, body)
	}
}
