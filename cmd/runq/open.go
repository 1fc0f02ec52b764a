package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/observe/gotrace"
	"github.com/runq-go/runq/observe/runqtrace"
)

// stdinName is how standard input is called among files.
const stdinName = "-"

// An input is a recording that is being read: a file, standard input, or what a program sends meanwhile.
type input struct {
	name string  // as it is shown
	from *remote // the program; nil: it is a file
	file string  // its name

	began time.Time
	read  atomic.Int64 // bytes so far
	total atomic.Int64 // bytes in all; 0: not known
}

// newInput returns what the user names by a name: a file, "-", or an address.
func newInput(name string) (in *input, err error) {
	in = &input{name: printable(name), file: name, began: time.Now()}
	switch {
	case name == stdinName:
		in.name = "standard input"
	case isAddress(name):
		if in.from, err = newRemote(name, 0, false); err != nil {
			return nil, err
		}
		in.name = in.from.url
	}
	return in, nil
}

// open begins to read. It blocks until the first bytes are there, which say what it is. When ctx ends, so does
// reading.
func (in *input) open(ctx context.Context) (event.Source, error) {
	r, err := in.reader(ctx)
	if err != nil {
		return nil, err
	}
	src, err := newSource(&counted{from: r, ctx: ctx, in: in})
	if err != nil {
		r.Close() //nolint:errcheck // nothing has been read that matters
		return nil, fmt.Errorf("%s: %w", in.name, err)
	}
	return src, nil
}

func (in *input) reader(ctx context.Context) (io.ReadCloser, error) {
	switch {
	case in.from != nil:
		resp, err := in.from.get(ctx)
		if err != nil {
			return nil, err
		}
		return resp.Body, nil
	case in.file == stdinName:
		return io.NopCloser(os.Stdin), nil
	}
	f, err := os.Open(in.file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.name, reason(err))
	}
	if info, err := f.Stat(); err == nil {
		if info.IsDir() {
			f.Close() //nolint:errcheck // it is a folder
			return nil, fmt.Errorf("%s is a folder; name a recording", in.name)
		}
		in.total.Store(info.Size())
	}
	return f, nil
}

// counted counts what is read for an input, and ends when its context does.
type counted struct {
	from io.ReadCloser
	ctx  context.Context
	in   *input
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(p)
	c.in.read.Add(int64(n))
	return n, err
}

func (c *counted) Close() error { return c.from.Close() }

// newSource finds out what is read, and returns the reader for it, which closes r.
func newSource(r io.ReadCloser) (event.Source, error) {
	body, kind, err := sniff(r)
	if err != nil {
		return nil, err
	}
	// The reader closes the whole.
	whole := struct {
		io.Reader
		io.Closer
	}{body, r}
	if kind == ours {
		return runqtrace.NewReader(whole)
	}
	return gotrace.New(whole, gotrace.Options{})
}

// A recordingKind says who has written a recording.
type recordingKind int

const (
	ours recordingKind = iota // runq
	gos                       // Go's runtime
)

// sniffed is how many bytes tell what a recording is: the length of "go 1.26 trace\0\0\0".
const sniffed = 16

// sniff reads the first bytes, and returns the whole if it may be a recording.
func sniff(r io.Reader) (whole io.Reader, kind recordingKind, err error) {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, reason(err)
	}
	head = head[:n]
	if kind, err = kindOf(head); err != nil {
		return nil, 0, err
	}
	return io.MultiReader(bytes.NewReader(head), r), kind, nil
}

// kindOf says what begins like that; the error is for people, and says what to do.
func kindOf(head []byte) (recordingKind, error) {
	switch {
	case len(head) == 0:
		return 0, errors.New("it is empty; a recording that was never begun, or not written yet?")
	case bytes.HasPrefix(head, []byte("go 1.")):
		return gos, nil
	case bytes.HasPrefix(head, []byte("runq trace ")):
		return ours, nil
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		return 0, errors.New("it is a page of HTML, no trace; the address of a trace looks like http://host:6060/debug/pprof/trace?seconds=5")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return 0, errors.New("it is compressed with gzip, as profiles are, and no trace; traces come from /debug/pprof/trace, go test -trace and runtime/trace; unpack others first")
	}
	return 0, fmt.Errorf("it is no trace that is known here: it begins with %q", head)
}

// progress is a view of how far reading is.
func (in *input) progress() (float64, string) {
	read, total := in.read.Load(), in.total.Load()
	switch {
	case total > 0:
		return float64(read) / float64(total), size(read) + " of " + size(total)
	case in.from != nil && in.from.lasts > 0:
		past := min(time.Since(in.began), in.from.lasts)
		return float64(past) / float64(in.from.lasts), fmt.Sprintf("%.0f of %.0f s, %s", past.Seconds(), in.from.lasts.Seconds(), size(read))
	}
	return 0, size(read)
}

// readInput shows a recording to the passes, with a progress bar on stderr. It returns nil for the input if there was
// nothing to read, or ctx has ended: then nothing can be said about what the passes have seen. Any other error comes
// with what could be read, and says what was wrong then.
func readInput(ctx context.Context, stderr io.Writer, name string, passes ...analyze.Pass) (*input, error) {
	in, err := newInput(name)
	if err != nil {
		return nil, err
	}
	defer startProgress(stderr, in.progress)()
	type result struct {
		opened bool
		err    error
	}
	done := make(chan result, 1)
	go func() {
		opened, err := in.run(ctx, passes)
		done <- result{opened, err}
	}()
	select {
	case r := <-done:
		switch {
		case ctx.Err() != nil: // which may be why reading has ended
			return nil, ctx.Err()
		case !r.opened:
			return nil, r.err
		}
		return in, r.err
	case <-ctx.Done():
		// A read of standard input can't be ended. So this doesn't wait for it; the process is about to end.
		return nil, ctx.Err()
	}
}

// run opens the input, reads it to its end, and closes it.
func (in *input) run(ctx context.Context, passes []analyze.Pass) (opened bool, err error) {
	src, err := in.open(ctx)
	if err != nil {
		return false, err
	}
	defer src.Close() //nolint:errcheck // it was only read
	if err := analyze.Run(src, passes...); err != nil {
		return true, fmt.Errorf("%s: %w", in.name, err)
	}
	return true, nil
}

// isAddress tells whether a recording is to be asked for.
func isAddress(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// oneFile completes the only argument of a command with the names of files: any, since recordings have no
// ending in common.
func oneFile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
