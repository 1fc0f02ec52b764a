package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// childEnv is set for the child process of TestRealGroup.
const childEnv = "RUNQ_CGROUP_CHILD"

// enter moves a shell into the groups that it is given, and makes it the program in
// childEnv: that is in the group from its first instruction, as in a container.
const enter = `for d in "$@"; do echo $$ > "$d/cgroup.procs" || exit 1; done; exec "$` + childEnv + `"`

// TestRealGroup runs a process in a group of its own with half a CPU, lets it compute
// until the kernel throttles it, and changes the limit while it runs.
func TestRealGroup(t *testing.T) {
	unified, dirs := makeGroup(t)
	limitTo(t, unified, dirs[0], 50*ms, 100*ms)
	c := startChild(t, dirs)
	c.ask("limit", fmt.Sprintf("50ms of 100ms, GOMAXPROCS %d", DefaultProcs(0.5, true, runtime.NumCPU())))
	c.ask("compute", "used and throttled")
	limitTo(t, unified, dirs[0], 30*ms, 20*ms)
	c.ask("limit", fmt.Sprintf("30ms of 20ms, GOMAXPROCS %d", DefaultProcs(1.5, true, runtime.NumCPU())))
	limitTo(t, unified, dirs[0], -1, 100*ms)
	c.ask("limit", fmt.Sprintf("none, GOMAXPROCS %d", runtime.NumCPU()))
}

// makeGroup makes a group at the top of what can be seen, removed after the test. It
// returns its folders: for the limit, and for the time used if that is elsewhere.
func makeGroup(t *testing.T) (unified bool, dirs []string) {
	t.Helper()
	g, err := Find(os.DirFS("/"))
	if errors.Is(err, ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	tops := []string{g.levels[len(g.levels)-1].dir}
	if n := len(g.accounts); n > 0 && g.accounts[n-1].dir != tops[0] {
		tops = append(tops, g.accounts[n-1].dir)
	}
	for _, top := range tops {
		dir := filepath.Join("/", top, fmt.Sprintf("runq-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skipf("making a cgroup takes a superuser and a writable mount: %v", err)
		}
		t.Cleanup(func() { remove(t, dir) })
		dirs = append(dirs, dir)
	}
	if _, err := os.Stat(filepath.Join(dirs[0], "cpu.max")); g.unified && err != nil {
		t.Skipf("the cpu controller isn't enabled for new groups: %v", err)
	}
	return g.unified, dirs
}

// remove removes a group, once the kernel is done with the process that was in it.
func remove(t *testing.T, dir string) {
	t.Helper()
	err := os.Remove(dir)
	for i := 0; i < 1000 && errors.Is(err, syscall.EBUSY); i++ {
		time.Sleep(ms)
		err = os.Remove(dir)
	}
	if err != nil {
		t.Error(err)
	}
}

// limitTo sets a limit; a negative quota is none.
func limitTo(t *testing.T, unified bool, dir string, quota, period time.Duration) {
	t.Helper()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0); err != nil {
			t.Fatalf("writing %q: %v", text, err)
		}
	}
	q, p, none := fmt.Sprint(quota.Microseconds()), fmt.Sprint(period.Microseconds()), quota < 0
	switch {
	case unified && none:
		write("cpu.max", "max "+p)
	case unified:
		write("cpu.max", q+" "+p)
	case none:
		write("cpu.cfs_quota_us", "-1")
	default:
		write("cpu.cfs_period_us", p)
		write("cpu.cfs_quota_us", q)
	}
}

// children is the process in the group, and how to talk with it: it answers each
// line that it gets with one.
type children struct {
	t    *testing.T
	in   *os.File
	said *bufio.Scanner
}

func startChild(t *testing.T, dirs []string) *children {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", enter, "sh"}, dirs...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOMAXPROCS=") })
	cmd.Env = append(cmd.Env, childEnv+"="+os.Args[0])
	cmd.Stderr = os.Stderr
	toChild, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = toChild
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toChild.Close()
	t.Cleanup(func() {
		in.Close() // it ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child: %v", err)
		}
	})
	return &children{t, in, bufio.NewScanner(out)}
}

func (c *children) ask(question, want string) {
	c.t.Helper()
	fmt.Fprintln(c.in, question)
	if c.said.Scan(); c.said.Text() != want {
		c.t.Errorf("asked for %q, the child says %q; want %q", question, c.said.Text(), want)
	}
}

// child is the process in the group. It doesn't return.
func child() {
	g, err := Find(os.DirFS("/"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		switch questions.Text() {
		case "limit":
			fmt.Println(childLimit(g))
		case "compute":
			fmt.Println(childCompute(g))
		}
	}
	os.Exit(0)
}

// childLimit tells the limit and what Go makes of it.
func childLimit(g *Group) string {
	l, ok, err := g.Limit()
	if err != nil {
		return err.Error()
	}
	runtime.SetDefaultGOMAXPROCS()
	if !ok {
		return fmt.Sprintf("none, GOMAXPROCS %d", runtime.GOMAXPROCS(0))
	}
	return fmt.Sprintf("%v of %v, GOMAXPROCS %d", l.Quota, l.Period, runtime.GOMAXPROCS(0))
}

// childCompute computes until it sees that it was throttled.
func childCompute(g *Group) string {
	// Far more than the quota of one period, so that it can't be used unthrottled.
	const enough = 2 * time.Second
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	before, err := g.Usage()
	for err == nil {
		var used time.Duration
		var seen Throttled
		if used, err = g.Usage(); err != nil {
			break
		}
		if seen, err = g.Throttled(); err != nil {
			break
		}
		if seen.ThrottledPeriods > 0 && seen.Periods >= seen.ThrottledPeriods && seen.Time > 0 && used > before {
			return "used and throttled"
		}
		if used-before > enough {
			return fmt.Sprintf("used %v, and throttled: %+v", used-before, seen)
		}
		runtime.Gosched()
	}
	return err.Error()
}

// BenchmarkGroup: what a look costs here.
func BenchmarkGroup(b *testing.B) {
	g, err := Find(os.DirFS("/"))
	if err != nil {
		b.Skip(err)
	}
	b.Run("limit", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := g.Limit(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("usage", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.Usage(); err != nil {
				b.Skip(err)
			}
		}
	})
	b.Run("throttled", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.Throttled(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
