package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// A child is a process of the demo: told what to do by words on its standard input, it answers in JSON. It
// ends when it is done, or by SIGTERM when its context does, or by itself when this process is gone.
type child struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	errors headBuffer
	wait   func() error // waits for its end; nil, context.Canceled if it was interrupted, or what was wrong
}

// startChild starts this program again.
func startChild(ctx context.Context, name string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: exec.CommandContext(ctx, self, append([]string{"demo"}, args...)...)}
	c.cmd.Stderr = &c.errors
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = stopGrace
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = json.NewDecoder(bufio.NewReader(out))
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	c.wait = sync.OnceValue(func() error {
		c.in.Close()
		err := c.cmd.Wait()
		switch {
		case err == nil:
			return nil
		case interrupted(c.cmd.ProcessState):
			return context.Canceled
		}
		return errors.Join(fmt.Errorf("%s: %w", c.name, err), c.errors.asError())
	})
	return c, nil
}

// say gives an order. That nobody is there to take it shows when the answer is missing.
func (c *child) say(order string) {
	fmt.Fprintln(c.in, order) //nolint:errcheck // as the comment says
}

// hear waits for an answer. Without one the child has ended, and the error says why.
func (c *child) hear(answer any) error {
	if err := c.out.Decode(answer); err != nil {
		return errors.Join(c.wait(), errNoAnswer{c.name, err})
	}
	return nil
}

// errNoAnswer is the least that can be said of a child that has ended.
type errNoAnswer struct {
	name string
	err  error
}

func (e errNoAnswer) Error() string { return fmt.Sprintf("%s has ended too early: %v", e.name, e.err) }

// A headBuffer keeps the beginning of what is written to it: of a crash, that is where it says what happened.
type headBuffer struct{ head strings.Builder }

// headSize holds the reason of a crash and the stack where it happened.
const headSize = 8 << 10

func (b *headBuffer) Write(p []byte) (int, error) {
	b.head.Write(p[:min(len(p), headSize-b.head.Len())])
	return len(p), nil
}

// asError returns what was written; nil if nothing was.
func (b *headBuffer) asError() error {
	text := strings.TrimSpace(b.head.String())
	if text == "" {
		return nil
	}
	return errors.New(text)
}
