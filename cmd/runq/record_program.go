package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"time"
)

const (
	// askEvery is how long a program that doesn't answer yet is left alone: nothing against what is recorded,
	// and no burden while it starts.
	askEvery = 20 * time.Millisecond

	// endsSoon is how long after its connection a program may last that ends: what lasts longer had another reason
	// to close the connection.
	endsSoon = time.Second

	// endWithin is how long a program may take to end after it was interrupted, before it is killed: servers
	// that end gracefully wait for requests.
	endWithin = 10 * time.Second
)

// A program runs while it is recorded.
type program struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // then: how
}

// startProgram starts a program, with its output to ours. It is in a process group of its own: so a Ctrl-C comes here
// alone, and ends the recording before it ends the program.
func startProgram(args []string, stdout, stderr io.Writer) (*program, error) {
	p := &program{cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		if e, ok := errors.AsType[*exec.Error](err); ok {
			err = e.Err // its text names the program, too
		}
		return nil, fmt.Errorf("can't run %s: %w", printable(args[0]), reason(err))
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// end interrupts the program and waits until it has ended. One that doesn't end is killed.
func (p *program) end() {
	select {
	case <-p.ended:
		return // its number may be somebody else's now
	default:
	}
	interrupt(p.cmd)                                          //nolint:errcheck // it is just ending
	late := time.AfterFunc(endWithin, func() { kill(p.cmd) }) //nolint:errcheck // the same
	defer late.Stop()
	<-p.ended
}

// how says how the program has ended.
func (p *program) how() string {
	if p.err == nil {
		return "has ended"
	}
	return "has ended with " + p.err.Error()
}

// runProgram runs a program, records it, and ends it.
func (o *recordOptions) runProgram(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	seconds := o.seconds
	if seconds == 0 {
		seconds = untilEnd
	}
	from, err := newRemote(o.addr, seconds, o.ours)
	if err != nil {
		return err
	}
	if conn, err := new(net.Dialer).DialContext(ctx, "tcp", from.host); err == nil {
		conn.Close() //nolint:errcheck // nothing was sent
		return fmt.Errorf("something else answers at %s already; end it, or choose another address with --addr", o.addr)
	}
	programOut := stdout
	if o.output == "-" { // standard output is for the recording alone
		programOut = stderr
	}
	p, err := startProgram(args, programOut, stderr)
	if err != nil {
		return err
	}
	defer p.end()
	if err := p.answers(ctx, from); err != nil {
		return fmt.Errorf("%s: %w", printable(args[0]), err)
	}
	err = o.record(ctx, from, stdout, stderr)
	if err == nil || ctx.Err() != nil {
		return err
	}
	select {
	case <-p.ended:
		return fmt.Errorf("%s %s while it was recorded: %w", printable(args[0]), p.how(), err)
	case <-time.After(endsSoon):
		return err
	}
}

// answers waits until somebody listens where the program is to serve.
func (p *program) answers(ctx context.Context, from *remote) error {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", from.host)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it %s before anybody answered at %s; does it serve net/http/pprof there? (--addr)", p.how(), from.host)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
	}
}
