package netpoll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
)

// patience is how long a test waits for what must come: no measure of anything.
const patience = 30 * time.Second

// networks are those that every test of a connection runs on.
var networks = []string{"tcp", "unix"}

// onNetworks runs a test for each network.
func onNetworks(t *testing.T, f func(t *testing.T, network string)) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) { f(t, network) })
	}
}

// openScheduler returns a scheduler that the end of the test closes.
func openScheduler(t testing.TB, procs int) *runq.Scheduler {
	t.Helper()
	s, err := runq.New(runq.Config{Procs: procs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Close doesn't end: %v\n%v\n%s", err, s.SnapshotCheap(), stacks())
		}
	})
	return s
}

func stacks() string {
	buf := make([]byte, 256<<10)
	return string(buf[:runtime.Stack(buf, true)])
}

// listen returns a listener that the end of the test closes.
func listen(t testing.TB, s *runq.Scheduler, network string) *Listener {
	t.Helper()
	addr := "localhost:0"
	if network == "unix" {
		addr = filepath.Join(tempDir(t), "s")
	}
	l, err := Listen(s, network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// tempDir is t.TempDir, but with a short name: those of Unix sockets are limited.
func tempDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "np")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// pair returns both ends of a connection. The end of the test closes them.
func pair(t testing.TB, s *runq.Scheduler, network string) (a, b *Conn) {
	t.Helper()
	l := listen(t, s, network)
	run(t, s, func(tk *runq.Task) error {
		var err error
		if a, err = Dial(tk, network, l.Addr().String()); err != nil {
			return err
		}
		b, err = l.AcceptTask(tk)
		return err
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// run runs f in a task and reports its error.
func run(t testing.TB, s *runq.Scheduler, f func(*runq.Task) error) {
	t.Helper()
	if err := s.Run(context.Background(), f); err != nil {
		t.Error(err)
	}
}

// runAll runs the functions in a task each and reports their errors.
func runAll(t testing.TB, s *runq.Scheduler, fs ...func(*runq.Task) error) {
	t.Helper()
	g, _ := runq.NewGroup(context.Background(), s)
	for _, f := range fs {
		g.Go(f)
	}
	if err := g.Wait(nil); err != nil {
		t.Error(err)
	}
}

// start runs f in a task or, if s is nil, on an ordinary goroutine with a nil task.
// The channel gets its result.
func start(s *runq.Scheduler, ctx context.Context, f func(*runq.Task) error) <-chan error {
	c := make(chan error, 1)
	go func() {
		if s == nil {
			c <- f(nil)
			return
		}
		c <- s.Run(ctx, f)
	}()
	return c
}

// result returns what start's function has returned.
func result(t testing.TB, c <-chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(patience):
		t.Fatalf("a call doesn't end\n%s", stacks())
		return nil
	}
}

// awaitWaiting returns when n tasks of s wait.
func awaitWaiting(t testing.TB, s *runq.Scheduler, n int) {
	t.Helper()
	await(t, "tasks that wait", func() bool {
		waiting := 0
		for _, tk := range s.SnapshotCheap().Tasks {
			if tk.State == event.TaskWaiting || tk.State == event.TaskBlocked {
				waiting++
			}
		}
		return waiting >= n
	})
}

// await returns when cond is true.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s\n%s", what, stacks())
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// wantErr reports an error unless err is the one, in a *net.OpError of the operation.
func wantErr(t testing.TB, err, want error, op string) {
	t.Helper()
	var oe *net.OpError
	if !errors.Is(err, want) || !errors.As(err, &oe) || oe.Op != op {
		t.Errorf("the error is %#v (%v); it should be a net.OpError of %q with %q", err, err, op, want)
	}
}

// readAll reads exactly want.
func readAll(tk *runq.Task, c *Conn, want []byte) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.As(tk), got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%.40q has arrived instead of %.40q", got, want)
	}
	return nil
}

// pattern returns n bytes that show when some are lost or moved.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}
