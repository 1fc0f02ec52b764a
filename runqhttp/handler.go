package runqhttp

import (
	"context"
	"net/http"
	"runtime"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/internal/goid"
)

// retryAfter is sent with the answer that the scheduler is closed, in seconds: the
// least, since who is asked next may well be another process.
const retryAfter = "1"

// Handler returns a handler that runs h in a task of the class c, and waits for it. Both
// must not be nil.
//
// The ResponseWriter is the one that package http made, so that Flusher, Hijacker and
// http.ResponseController work as ever. The request is a copy whose context is that of
// the original and also has the task, for TaskFrom, and its class: what a runq.Group
// made with it runs is of that class too. Tasks that the handler spawns aren't waited
// for.
//
// The task may have to wait for its turn. A request whose context ends before it gets
// one isn't handled, and nothing is answered: the connection is aborted, as by a panic
// with http.ErrAbortHandler, since an empty answer would be taken for one. When the
// scheduler is closed, the answer is 503 Service Unavailable.
//
// How h ends, package http is told as without runq: of a panic with
// http.ErrAbortHandler, of runtime.Goexit, and of any other panic. That one is with a
// *runq.PanicError, which has the original value and the stack.
//
// Inside another Handler of the same class h is just called. Inside one of another
// class its task waits in Block.
func Handler(c *runq.Class, h http.Handler) http.Handler {
	return newHandler(c, h, "")
}

func newHandler(c *runq.Class, h http.Handler, route string) http.Handler {
	if c == nil {
		panic("runqhttp: Handler: the class is nil")
	}
	if h == nil {
		panic("runqhttp: Handler: the handler is nil")
	}
	return &handler{class: c, next: h, route: route}
}

// handler is what Handler returns.
type handler struct {
	class *runq.Class
	next  http.Handler
	route string // label of its tasks; "": the request's pattern, if it has one
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := exchange{h: h, w: w, r: r}
	switch outer := current(r.Context()); {
	case outer == nil:
		e.do()
	case outer.class == h.class:
		h.next.ServeHTTP(w, r)
		return
	default:
		outer.task.Block(e.do)
	}
	e.copyBack()
	e.end()
}

// exchange is a request that is being handled.
type exchange struct {
	h     *handler
	w     http.ResponseWriter
	r     *http.Request
	inner *http.Request // as the handler gets it; nil: it hasn't been called
	err   error         // of Run
}

// do runs the handler in a task and waits for it.
func (e *exchange) do() { e.err = e.h.class.Run(e.r.Context(), e.run) }

// run is the task.
func (e *exchange) run(t *runq.Task) error {
	ctx := t.Context()
	if ctx.Err() != nil {
		return nil // it has ended in the queue
	}
	label := e.h.route
	if label == "" {
		label = e.r.Pattern
	}
	if label != "" {
		t.SetLabel(label)
	}
	ctx = context.WithValue(ctx, taskKey{}, &running{task: t, class: e.h.class, goroutine: goid.Get()})
	e.inner = e.r.WithContext(ctx)
	e.h.next.ServeHTTP(e.w, e.inner)
	return nil
}

// copyBack gives the original request what others look for there: the files of a form,
// which package http removes in the end, and the pattern that a mux has found, which
// middleware may want to log.
func (e *exchange) copyBack() {
	if e.inner == nil {
		return
	}
	e.r.Pattern = e.inner.Pattern
	if e.r.MultipartForm == nil {
		e.r.MultipartForm = e.inner.MultipartForm
	}
}

// end lets the handler's end be the caller's.
func (e *exchange) end() {
	if e.inner == nil {
		e.refuse()
		return
	}
	switch err := e.err.(type) {
	case nil:
	case *runq.PanicError:
		if err.Value == any(http.ErrAbortHandler) {
			panic(http.ErrAbortHandler) // which package http knows by identity
		}
		panic(err)
	default:
		runtime.Goexit() // it is runq.ErrGoexit: run returns no errors
	}
}

// refuse ends a request that hasn't been handled.
func (e *exchange) refuse() {
	if e.err == runq.ErrClosed && e.r.Context().Err() == nil {
		e.w.Header().Set("Retry-After", retryAfter)
		http.Error(e.w, "the server is closing", http.StatusServiceUnavailable)
		return
	}
	panic(http.ErrAbortHandler)
}

// taskKey is what the context of a request knows the task by.
type taskKey struct{}

// running is the task that runs a handler.
type running struct {
	task      *runq.Task
	class     *runq.Class
	goroutine uint64
}

// TaskFrom returns the task that handles the request whose context, or one made from
// it, ctx is. It returns nil, which for package runq means an ordinary goroutine, when
// there is none, and also when another goroutine calls than that of the task: since a
// *runq.Task is valid on that one only. So in a task of a group it returns nil, too: that
// has a *runq.Task of its own. It takes one or two microseconds.
//
// http.TimeoutHandler runs its handler on a goroutine of its own: Handler must be
// inside of it, not around it.
func TaskFrom(ctx context.Context) *runq.Task {
	if c := current(ctx); c != nil {
		return c.task
	}
	return nil
}

// current returns the task that the caller runs in, if ctx knows it.
func current(ctx context.Context) *running {
	c, _ := ctx.Value(taskKey{}).(*running)
	if c == nil || c.goroutine != goid.Get() {
		return nil
	}
	return c
}
