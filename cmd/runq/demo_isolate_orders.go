package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// The words by which the demo tells its processes what to do, one a line on their standard input. What they
// have to say they write as JSON on standard output.
const (
	orderWork     = "work"     // server: begin the background work
	orderMeasure  = "measure"  // server: the measured time begins now
	orderMeasured = "measured" // server: it ends now, but go on, since some answers are still to come
	orderStop     = "stop"     // server: report, and exit
	orderGo       = "go"       // load: begin
)

// errOrphan ends a process whose parent is gone: nobody else would end it.
var errOrphan = errors.New("the process that started this one is gone")

// orders are the words that a process of the demo gets, and what may happen to it meanwhile.
type orders struct {
	words  <-chan string // closed when the parent is gone
	failed chan error    // of capacity one: what has failed in the background
}

// readOrders reads orders from in, in a goroutine that ends with in.
func readOrders(in io.Reader) *orders {
	words := make(chan string)
	go func() {
		defer close(words)
		for s := bufio.NewScanner(in); s.Scan(); {
			words <- s.Text()
		}
	}()
	return &orders{words: words, failed: make(chan error, 1)}
}

// fail lets the next await or wait return err. The first failure counts.
func (o *orders) fail(err error) {
	select {
	case o.failed <- err:
	default:
	}
}

// await waits for an order.
func (o *orders) await(ctx context.Context, want string) error {
	select {
	case got, ok := <-o.words:
		switch {
		case !ok:
			return errOrphan
		case got != want:
			return fmt.Errorf("BUG: got the order %q, want %q", got, want)
		}
		return nil
	case err := <-o.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait waits until done is closed, while no order is due.
func (o *orders) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case got, ok := <-o.words:
		if !ok {
			return errOrphan
		}
		return fmt.Errorf("BUG: got the order %q too early", got)
	case err := <-o.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-done:
		return nil
	}
}

// pause waits for some time, while no order is due.
func (o *orders) pause(ctx context.Context, d time.Duration) error {
	done := make(chan struct{})
	defer time.AfterFunc(d, func() { close(done) }).Stop()
	return o.wait(ctx, done)
}
