package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// child is a process that does one of childMains.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// start starts a child. wrap, if any, is a command that gets the child's as its
// last argument.
func start(t *testing.T, name string, wrap ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	args := append(wrap, self)
	c := &child{t: t, cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	// Under the race detector a process lingers for a second at its end.
	c.cmd.Env = append(os.Environ(), childVariable+"="+name, "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0", "GOTRACEBACK=all")
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGQUIT) } // prints all stacks
	c.cmd.WaitDelay = 10 * time.Second                                           // to print them
	c.cmd.Stderr = &c.stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// rounds returns when the child has done n rounds more.
func (c *child) rounds(n int) {
	c.t.Helper()
	for range n {
		if line, err := c.out.ReadString('\n'); err != nil {
			c.t.Fatalf("the child printed %q, and then %v; it ended with %v\n%s", line, err, c.cmd.Wait(), c.text())
		}
	}
}

// end tells the child that it is enough, and returns its report.
func (c *child) end() (r report) {
	c.t.Helper()
	c.in.Close()
	all, err := io.ReadAll(c.out)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatalf("the child ended with %v\n%s", err, c.text())
	}
	last := all[bytes.LastIndexByte(bytes.TrimSpace(all), '\n')+1:]
	if err := json.Unmarshal(last, &r); err != nil {
		c.t.Fatalf("the child's report is %q: %v", last, err)
	}
	c.t.Logf("%+v", r)
	return r
}

// text returns the beginning of what the child printed on standard error.
func (c *child) text() string {
	const most = 20_000 // bytes; stacks of hundreds of goroutines follow
	return string(c.stderr.Bytes()[:min(c.stderr.Len(), most)])
}

// missing skips the test, for a reason. In CI it fails instead: what is asked for
// this way is what a Linux machine for tests has.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI lacks what this test needs: "+format, args...)
	}
	t.Skipf(format, args...)
}

// needRoot skips the test for whoever isn't root. That is no fault of a CI machine.
func needRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: " + why)
	}
}
