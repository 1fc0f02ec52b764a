package runqhttp_test

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
)

// quiet says nothing of GOMAXPROCS.
var quiet = slog.New(slog.DiscardHandler)

// class answers with the class of the task, and the route that is its label.
func class(w http.ResponseWriter, r *http.Request) {
	if t := runqhttp.TaskFrom(r.Context()); t != nil {
		fmt.Fprintf(w, "%s %q %s", t.Class().Name(), t.Label(), r.PathValue("id"))
		return
	}
	fmt.Fprint(w, "no task")
}

func TestRoutes(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	mux := http.NewServeMux()
	for _, pattern := range []string{"/", "GET /report/{id}", "GET /report/now", "/tree/"} {
		mux.HandleFunc(pattern, class)
	}
	classes := map[string]string{"GET /report/{id}": "background", "GET /report/now": "normal", "/tree/": "interactive"}
	for _, def := range []string{"", "normal"} {
		h, err := runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: classes, Default: def})
		if err != nil {
			t.Fatal(err)
		}
		srv, _ := serve(t, h, false)
		rest := "no task"
		if def != "" {
			rest = def + ` "" `
		}
		for path, want := range map[string]string{
			"/report/7":   `background "GET /report/{id}" 7`,
			"/report/now": `normal "GET /report/now" `,
			"/tree/a/b":   `interactive "/tree/" `,
			"/tree":       `interactive "/tree/" `, // by a redirect
			"/":           rest,
			"/elsewhere":  rest,
		} {
			if _, body := mustGet(t, srv, path); body != want {
				t.Errorf("default %q: %s is answered by %q, want %q", def, path, body, want)
			}
		}
	}
}

func TestRoutesByFunction(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	h, err := runqhttp.Routes(s, http.HandlerFunc(class), runqhttp.RouteConfig{
		Classes: map[string]string{"slow": "background"},
		Pattern: func(r *http.Request) string { return r.Header.Get("Route") },
	})
	if err != nil {
		t.Fatal(err)
	}
	for route, want := range map[string]string{"slow": `background "slow" `, "": "no task", "unknown": "no task"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Route", route)
		h.ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("route %q is answered by %q, want %q", route, got, want)
		}
	}
}

func TestRoutesOfDefault(t *testing.T) {
	h, err := runqhttp.Routes(nil, http.HandlerFunc(class), runqhttp.RouteConfig{
		Default: "normal",
		Pattern: func(*http.Request) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Body.String(); got != `normal "" ` {
		t.Errorf("answered by %q", got)
	}
}

func TestRoutesErrors(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	if _, err := s.Class("reports", runq.ClassConfig{Weight: 10}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/report", class)
	known := "there are interactive, normal, background, reports"
	for name, c := range map[string]struct {
		h    http.Handler
		cfg  runqhttp.RouteConfig
		want []string
	}{
		"unknown classes": {mux, runqhttp.RouteConfig{Classes: map[string]string{"/report": "bg"}, Default: "nomal"},
			[]string{`pattern "/report": runq: there is no class "bg": ` + known, `RouteConfig.Default: runq: there is no class "nomal": ` + known}},
		"unknown pattern": {mux, runqhttp.RouteConfig{Classes: map[string]string{"GET /report": "normal", "/reprot": "bg"}},
			[]string{`pattern "GET /report": the mux has no such pattern`, `pattern "/reprot": the mux has no such pattern`, `no class "bg"`}},
		"empty pattern": {mux, runqhttp.RouteConfig{Classes: map[string]string{"": "normal"}}, []string{`pattern "": it is empty`}},
		"no mux":        {http.HandlerFunc(class), runqhttp.RouteConfig{}, []string{"the handler is a http.HandlerFunc", "RouteConfig.Pattern"}},
		"nil":           {nil, runqhttp.RouteConfig{}, []string{"the handler is nil"}},
	} {
		h, err := runqhttp.Routes(s, c.h, c.cfg)
		if err == nil {
			t.Errorf("%s: no error, but %v", name, h)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error is\n%v\nand doesn't say %s", name, err, want)
			}
		}
	}
}

// Every pattern that a mux has is found, whatever others it has, and no other one is.
func TestRoutesFindsPatterns(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	patterns := []string{
		"/", "/{$}", "/{id}", "/{a}/{b}", "/{all...}", "GET /", "GET /{id}", "POST /{id}", "example.com/", "example.com/{$}", "GET example.com/a",
		"GET  example.com/b", "/a", "/a/", "/a/{$}", "/a/b", "/a/{rest...}", "/a/{x}/c", "/a/{x}/{y}/{$}", "/a%2Fb/c", "DELETE\t/d/{e}", "CONNECT /f/g",
		"/{x}/last/", "GET /{x}/last", "HEAD /a/", "GET /a/{y}",
	}
	const rounds = 200 // in which each pattern has met each other one that it goes with
	random := rand.New(rand.NewPCG(1, 2))
	met := make(map[string]bool)
	for range rounds {
		random.Shuffle(len(patterns), func(i, j int) { patterns[i], patterns[j] = patterns[j], patterns[i] })
		mux := http.NewServeMux()
		classes, others := make(map[string]string), []string(nil)
		for _, p := range patterns {
			if registers(mux, p) {
				classes[p] = "normal"
				met[p] = true
			} else {
				others = append(others, p)
			}
		}
		if _, err := runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: classes}); err != nil {
			t.Fatalf("with %q: %v", slices.Sorted(maps.Keys(classes)), err)
		}
		for _, p := range others {
			if _, err := runqhttp.Routes(s, mux, runqhttp.RouteConfig{Classes: map[string]string{p: "normal"}}); err == nil {
				t.Fatalf("%q is found among %q", p, slices.Sorted(maps.Keys(classes)))
			}
		}
	}
	for _, p := range patterns {
		if !met[p] {
			t.Errorf("no mux takes the pattern %q", p)
		}
	}
}

// registers registers a pattern, unless it is none or contradicts another.
func registers(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.HandleFunc(pattern, class)
	return true
}
