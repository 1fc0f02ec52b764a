//go:build unix && (!linux || netpoll_goroutines)

package netpoll

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/runq-go/runq"
)

// calls are those of one direction of a connection or listener of package net, which
// must end when a task's context does. There is one way to end them: a deadline that
// has passed. So while a context ends a call, the deadline isn't the user's; calls of
// others that this ends, too, are made again.
type calls struct {
	set func(time.Time) error

	mu      sync.Mutex
	changed sync.Cond // the deadline is another one, or the connection is closed
	until   time.Time // the user's deadline; guarded by mu
	version int       // of until; guarded by mu
	closed  bool      // guarded by mu
}

func (k *calls) init(set func(time.Time) error) {
	k.set = set
	k.changed.L = &k.mu
}

// do makes the call. wrap makes the error of a context what the caller returns.
func (k *calls) do(t *runq.Task, call func() error, wrap func(error) error) error {
	if t == nil {
		return k.again(context.Background(), call)
	}
	ctx := t.Context()
	if ctx.Done() == nil {
		var err error
		t.Block(func() { err = k.again(ctx, call) })
		return err
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		k.set(time.Now())
	})
	var err error
	t.Block(func() {
		err = k.again(ctx, call)
		if !stop() {
			<-ended
			k.restore()
		}
	})
	if ctx.Err() != nil && isTimeout(err) {
		return wrap(context.Cause(ctx))
	}
	return err
}

// again makes the call until it ends for a reason of its own.
func (k *calls) again(ctx context.Context, call func() error) error {
	for {
		err := call()
		if !isTimeout(err) || ctx.Err() != nil || k.passed() {
			return err
		}
		k.restore() // in case who has set the other one hasn't yet
	}
}

func (k *calls) passed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.until.IsZero() && time.Until(k.until) <= 0
}

func (k *calls) restore() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set(k.until)
}

func (k *calls) setDeadline(t time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = t
	k.version++
	k.changed.Broadcast()
	return k.set(t)
}

func (k *calls) close() {
	k.mu.Lock()
	k.closed = true
	k.changed.Broadcast()
	k.mu.Unlock()
}

// awaitChange waits until a deadline that has passed is another one. It returns false
// when the connection is closed.
func (k *calls) awaitChange() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.until.IsZero() && time.Until(k.until) <= 0 {
		for version := k.version; version == k.version && !k.closed; {
			k.changed.Wait()
		}
	}
	return !k.closed
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
