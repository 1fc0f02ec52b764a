package runqhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
)

// logged is what a server logs.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newScheduler(t testing.TB, cfg runq.Config) *runq.Scheduler {
	t.Helper()
	cfg.Logger = quiet
	s, err := runq.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serve serves h until the test ends.
func serve(t testing.TB, h http.Handler, http2 bool) (*httptest.Server, *logged) {
	t.Helper()
	l := new(logged)
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(l, "", 0)
	srv.EnableHTTP2 = http2
	if http2 {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv, l
}

// get returns the status and the body, or the error.
func get(srv *httptest.Server, path string) (int, string, error) {
	r, err := srv.Client().Get(srv.URL + path)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return r.StatusCode, string(body), err
}

func mustGet(t testing.TB, srv *httptest.Server, path string) (int, string) {
	t.Helper()
	status, body, err := get(srv, path)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return status, body
}

// awaitTrue waits until the condition holds.
func awaitTrue(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute) // far more than any of it takes
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not in a minute: %s", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// whose answers with the class of the task that it runs in, and of a task of a group
// made with the request's context.
func whose(w http.ResponseWriter, r *http.Request) {
	t := runqhttp.TaskFrom(r.Context())
	g, _ := runq.NewGroup(r.Context(), t.Scheduler())
	var child string
	g.Go(func(t *runq.Task) error {
		child = t.Class().Name()
		if own := runqhttp.TaskFrom(t.Context()); own != nil {
			return fmt.Errorf("TaskFrom is %p in a task of a group", own)
		}
		return nil
	})
	err := g.Wait(t)
	fmt.Fprintf(w, "%s %s %v %s", t.Class().Name(), child, err, r.Proto)
}

func TestClassOfTheTask(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		proto := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2]
		s := newScheduler(t, runq.Config{Procs: 2})
		mux := http.NewServeMux()
		for _, c := range s.Classes() {
			mux.Handle("/"+c.Name(), runqhttp.Handler(c, http.HandlerFunc(whose)))
		}
		srv, _ := serve(t, mux, http2)
		var wg sync.WaitGroup
		for _, c := range s.Classes() {
			for range 8 {
				wg.Go(func() {
					_, body, err := get(srv, "/"+c.Name())
					if want := fmt.Sprintf("%s %[1]s <nil> %s", c.Name(), proto); err != nil || body != want {
						t.Errorf("the answer is %q, error %v; want %q", body, err, want)
					}
				})
			}
		}
		wg.Wait()
	}
}

// The task is the handler's, on its goroutine, and nobody else's.
func TestTaskFrom(t *testing.T) {
	if tk := runqhttp.TaskFrom(context.Background()); tk != nil {
		t.Errorf("TaskFrom is %p where there is none", tk)
	}
	s := newScheduler(t, runq.Config{})
	var id uint64
	var label string
	var elsewhere *runq.Task
	var after context.Context
	h := runqhttp.Handler(s.Normal(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tk := runqhttp.TaskFrom(r.Context())
		id, label, after = tk.ID(), tk.Label(), r.Context()
		tk.Block(func() {
			done := make(chan struct{})
			go func() { elsewhere = runqhttp.TaskFrom(r.Context()); close(done) }()
			<-done
		})
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /x/{y}", h)
	srv, _ := serve(t, mux, false)
	if status, _ := mustGet(t, srv, "/x/1"); status != http.StatusOK || id == 0 {
		t.Errorf("status %d, task %d", status, id)
	}
	if label != "GET /x/{y}" {
		t.Errorf("the task's label is %q, not the route", label)
	}
	if elsewhere != nil || runqhttp.TaskFrom(after) != nil {
		t.Errorf("TaskFrom is %p on another goroutine, %p after the end; want nil", elsewhere, runqhttp.TaskFrom(after))
	}
}

// TimeoutHandler moves its handler to another goroutine: inside of it there is a task,
// around it TaskFrom returns none.
func TestTimeoutHandler(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	has := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, runqhttp.TaskFrom(r.Context()) != nil)
	})
	mux := http.NewServeMux()
	mux.Handle("/inside", http.TimeoutHandler(runqhttp.Handler(s.Normal(), has), time.Hour, ""))
	mux.Handle("/around", runqhttp.Handler(s.Normal(), http.TimeoutHandler(has, time.Hour, "")))
	srv, _ := serve(t, mux, false)
	for path, want := range map[string]string{"/inside": "true", "/around": "false"} {
		if _, body := mustGet(t, srv, path); body != want {
			t.Errorf("%s: there is a task: %s, want %s", path, body, want)
		}
	}
}

func TestNested(t *testing.T) {
	s := newScheduler(t, runq.Config{Procs: 1})
	ids := func(inner *runq.Class) http.Handler {
		next := runqhttp.Handler(inner, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t := runqhttp.TaskFrom(r.Context())
			fmt.Fprintf(w, "%s, the same task: %t", t.Class().Name(), fmt.Sprint(t.ID()) == w.Header().Get("Task"))
		}))
		return runqhttp.Handler(s.Normal(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Task", fmt.Sprint(runqhttp.TaskFrom(r.Context()).ID()))
			next.ServeHTTP(w, r)
		}))
	}
	mux := http.NewServeMux()
	mux.Handle("/same", ids(s.Normal()))
	mux.Handle("/other", ids(s.Interactive()))
	abort := runqhttp.Handler(s.Background(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	mux.Handle("/abort", runqhttp.Handler(s.Normal(), abort))
	srv, l := serve(t, mux, false)
	for path, want := range map[string]string{"/same": "normal, the same task: true", "/other": "interactive, the same task: false"} {
		if _, body := mustGet(t, srv, path); body != want {
			t.Errorf("%s: %q, want %q", path, body, want)
		}
	}
	if _, _, err := get(srv, "/abort"); err == nil || l.String() != "" {
		t.Errorf("an abort through two tasks: error %v, log %q", err, l)
	}
}

// panicsHere is what a stack must name.
//
//go:noinline
func panicsHere(v any) { panic(v) }

func TestPanic(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	cause := errors.New("the cause")
	h := runqhttp.Handler(s.Background(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panicsHere(cause) }))
	var seen any
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			seen = recover()
			panic(seen)
		}()
		h.ServeHTTP(w, r)
	})
	for _, http2 := range []bool{false, true} {
		srv, l := serve(t, outer, http2)
		if status, _, err := get(srv, "/"); err == nil {
			t.Errorf("a panic was answered with status %d", status)
		}
		awaitTrue(t, "the panic is logged", func() bool { return strings.Contains(l.String(), "panicsHere") })
		if text := l.String(); !strings.Contains(text, "panic serving") || !strings.Contains(text, "the cause") {
			t.Errorf("package http logs %q", text)
		}
		if err, ok := seen.(*runq.PanicError); !ok || !errors.Is(err, cause) || err.Value != cause {
			t.Errorf("middleware recovers %v", seen)
		}
	}
}

func TestAbort(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	h := runqhttp.Handler(s.Normal(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	for _, http2 := range []bool{false, true} {
		srv, l := serve(t, h, http2)
		if status, _, err := get(srv, "/"); err == nil {
			t.Errorf("an aborted request was answered with status %d", status)
		}
		srv.Close()
		if l.String() != "" {
			t.Errorf("package http logs %q about an abort", l)
		}
	}
}

// A handler that calls Goexit ends its connection, as it does without runq, and the
// server goes on.
func TestGoexit(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	mux := http.NewServeMux()
	mux.Handle("/exit", runqhttp.Handler(s.Background(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })))
	mux.Handle("/", runqhttp.Handler(s.Background(), http.HandlerFunc(whose)))
	for _, http2 := range []bool{false, true} {
		srv, _ := serve(t, mux, http2)
		if status, _, err := get(srv, "/exit"); err == nil {
			t.Errorf("a request was answered with status %d by Goexit", status)
		}
		if _, body := mustGet(t, srv, "/"); !strings.HasPrefix(body, "background background") {
			t.Errorf("afterwards the answer is %q", body)
		}
	}
}

func TestClosedScheduler(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	s.Close()
	h := runqhttp.Handler(s.Normal(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
	for _, http2 := range []bool{false, true} {
		srv, _ := serve(t, h, http2)
		r, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("status %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
		}
	}
}

// A request that is cancelled while its task waits in the queue is never handled.
func TestCancelledInTheQueue(t *testing.T) {
	s := newScheduler(t, runq.Config{Procs: 1, MaxOverruns: -1}) // so that a task that computes keeps its P
	var release atomic.Bool
	occupied := make(chan struct{})
	s.Go(func(*runq.Task) {
		close(occupied)
		for spins := 0; !release.Load(); {
			spins++
		}
	})
	<-occupied
	called := false
	h := runqhttp.Handler(s.Normal(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	over := make(chan any, 1)
	ctx, cancel := context.WithCancelCause(context.Background())
	w := httptest.NewRecorder()
	go func() {
		defer func() { over <- recover() }()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	}()
	awaitTrue(t, "the request is queued", func() bool { return s.Normal().Stats().Queued == 1 })
	cancel(&runq.PanicError{Value: "somebody else's"})
	release.Store(true)
	if v := <-over; v != any(http.ErrAbortHandler) {
		t.Errorf("the request ended with the panic %v, want http.ErrAbortHandler", v)
	}
	if called || w.Flushed || w.Body.Len() > 0 || len(w.Result().Header) > 0 {
		t.Errorf("the handler was called: %t; written: %d, %v", called, w.Body.Len(), w.Result().Header)
	}
}

func TestCancelledBefore(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	h := runqhttp.Handler(s.Normal(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
	late := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		cancel(runq.ErrGoexit)
		h.ServeHTTP(w, r.WithContext(ctx))
	})
	srv, l := serve(t, late, false)
	if status, _, err := get(srv, "/"); err == nil || l.String() != "" {
		t.Errorf("answered with status %d; log %q", status, l)
	}
}

// A client that goes away ends the context of the task's request.
func TestClientGoesAway(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := newScheduler(t, runq.Config{})
		begun, ended := make(chan struct{}), make(chan error, 1)
		srv, _ := serve(t, runqhttp.Handler(s.Background(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			ended <- r.Context().Err()
		})), http2)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-begun; cancel() }()
		r, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := srv.Client().Do(r); !errors.Is(err, context.Canceled) {
			t.Errorf("the client gets %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ends with %v", err)
		}
	}
}

// What is flushed arrives while the handler runs.
func TestStreaming(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := newScheduler(t, runq.Config{})
		next := make(chan struct{})
		srv, _ := serve(t, runqhttp.Handler(s.Background(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctl := http.NewResponseController(w)
			if err := errors.Join(ctl.SetWriteDeadline(time.Now().Add(time.Hour)), ctl.SetReadDeadline(time.Time{})); err != nil {
				t.Error(err)
			}
			for i := range 3 {
				fmt.Fprintln(w, i)
				if i == 1 {
					w.(http.Flusher).Flush()
				} else if err := ctl.Flush(); err != nil {
					t.Error(err)
				}
				<-next
			}
		})), http2)
		r, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(r.Body)
		for i := range 3 {
			if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
				t.Fatalf("line %d is %q, %v", i, lines.Text(), lines.Err())
			}
			next <- struct{}{}
		}
		r.Body.Close()
	}
}

func TestHijack(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	srv, _ := serve(t, runqhttp.Handler(s.Interactive(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(c, "HTTP/1.1 299 By hand\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		c.Close()
	})), false)
	if status, body := mustGet(t, srv, "/"); status != 299 || body != "hi" {
		t.Errorf("status %d, %q", status, body)
	}
}

// Package http removes the files of a form that was read in a task, and middleware sees
// the pattern that a mux inside found.
func TestCopiedBack(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newScheduler(t, runq.Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{what}", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		if files, err := os.ReadDir(os.TempDir()); err != nil || len(files) != 1 {
			t.Errorf("%d files of forms, %v: the test doesn't test what it is to", len(files), err)
		}
	})
	inner := runqhttp.Handler(s.Normal(), mux)
	var pattern string
	srv, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		pattern = r.Pattern
	}), false)
	var form bytes.Buffer
	fields := multipart.NewWriter(&form)
	file, err := fields.CreateFormFile("file", "name")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(make([]byte, 11<<20)) // beyond what package mime/multipart keeps in memory
	fields.Close()
	r, err := srv.Client().Post(srv.URL+"/x", fields.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if pattern != "POST /{what}" {
		t.Errorf("the pattern outside is %q", pattern)
	}
	awaitTrue(t, "the files of the form are removed", func() bool {
		files, err := os.ReadDir(os.TempDir())
		return err == nil && len(files) == 0
	})
}

func TestHandlerOfNil(t *testing.T) {
	s := newScheduler(t, runq.Config{})
	for name, f := range map[string]func(){
		"class":   func() { runqhttp.Handler(nil, http.NotFoundHandler()) },
		"handler": func() { runqhttp.Handler(s.Normal(), nil) },
	} {
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, "the "+name+" is nil") {
					t.Errorf("%s: recovered %s", name, v)
				}
			}()
			f()
		}()
	}
}
