package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running returns the processes of a process group that haven't ended. Those that have may be kept for a while
// by who should wait for them.
func running(t *testing.T, group int) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it is gone
		}
		_, rest, _ := bytes.Cut(stat, []byte(") ")) // state, parent, group
		field := strings.Fields(string(rest))
		if len(field) > 2 && field[2] == fmt.Sprint(group) && field[0] != "Z" && field[0] != "X" {
			found = append(found, strings.TrimSpace(string(stat)))
		}
	}
	return found
}

// untilGone waits until no process of the group runs.
func untilGone(t *testing.T, group int) {
	t.Helper()
	const patience = time.Minute // far more than the children take, so that one that stays fails
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := running(t, group)
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("these processes stay: %q", left)
		}
	}
}

// TestIsolateInterrupt ends the demo in the middle of a measurement that would take an hour: no process stays,
// nor a control group, nor a file. If the parent has no time to end its children, they do it themselves.
func TestIsolateInterrupt(t *testing.T) {
	dir := writeTree(t, map[string]string{"text": strings.Repeat("some text ", 10_000)})
	for _, c := range []struct {
		name      string
		mode      string
		interrupt func(terminal *os.File, p *os.Process) error
		clean     bool // the parent lives to tidy up
	}{
		{"ctrl-C", "b", func(terminal *os.File, _ *os.Process) error { _, err := terminal.WriteString("\x03"); return err }, true},
		{"terminate", "d", func(_ *os.File, p *os.Process) error { return p.Signal(syscall.SIGTERM) }, true},
		{"kill", "e", func(_ *os.File, p *os.Process) error { return p.Kill() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			user, program := openTerminal(t)
			cmd := command(t, dir, "demo", "isolate", "--modes", c.mode, "--warmup", "0s", "--duration", "1h", "-o", "plot.svg", dir)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			program.Close()
			var seen []string
			screen := watch(t, user, ", measuring", func() error {
				seen = running(t, cmd.Process.Pid)
				return c.interrupt(user, cmd.Process)
			})
			cmd.Wait() //nolint:errcheck // the status is looked at instead
			if len(seen) != 3 {
				t.Errorf("%d processes were measuring, want 3: %q", len(seen), seen)
			}
			if c.clean {
				screen = strings.ReplaceAll(screen, "^C", "")
				if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || !strings.HasSuffix(screen, eraseLine+"runq: interrupted\r\n") {
					t.Errorf("got status %v, and the screen ends with %q", cmd.ProcessState, screen[max(0, len(screen)-1000):])
				}
				if left := running(t, cmd.Process.Pid); len(left) != 0 {
					t.Errorf("these processes stay: %q", left)
				}
			}
			untilGone(t, cmd.Process.Pid)
			if left, err := filepath.Glob(filepath.Join(dir, "plot*")); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestIsolateServerDies: who kills one process of the demo ends all, and is told which one it was.
func TestIsolateServerDies(t *testing.T) {
	dir := writeTree(t, map[string]string{"text": "some text"})
	for _, victim := range []string{"serve", "load"} {
		user, program := openTerminal(t)
		cmd := command(t, dir, "demo", "isolate", "--modes", "a", "--warmup", "0s", "--duration", "1h", dir)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		program.Close()
		screen := watch(t, user, ", measuring", func() error { return killChild(t, cmd.Process.Pid, "isolate-"+victim) })
		cmd.Wait() //nolint:errcheck // the status is looked at instead
		name := map[string]string{"serve": "the server", "load": "the load"}[victim]
		if got := cmd.ProcessState.ExitCode(); got != exitFailed || !strings.Contains(screen, name+": signal: killed") {
			t.Errorf("%s: got status %v, and the screen ends with %q", victim, cmd.ProcessState, screen[max(0, len(screen)-1000):])
		}
		untilGone(t, cmd.Process.Pid)
	}
}

// killChild kills the process of the group that runs that subcommand.
func killChild(t *testing.T, group int, subcommand string) error {
	t.Helper()
	for _, stat := range running(t, group) {
		var pid int
		fmt.Sscan(stat, &pid) //nolint:errcheck // 0 has no command line
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && slices.Contains(strings.Split(string(line), "\x00"), subcommand) {
			return syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return fmt.Errorf("no process of the group %d runs %s", group, subcommand)
}

// TestIsolateQuota runs the demo with a quota where that is permitted, and sees it refused where it isn't.
func TestIsolateQuota(t *testing.T) {
	dir := writeTree(t, map[string]string{"text": "some text"})
	args := append(slices.Clone(brief), "--quota", "0.5", "--modes", "ab", dir)
	g, err := newQuotaGroup(0.5)
	if err != nil {
		_, stderr, status := runCommand(t, dir, args...)
		if status != exitFailed || !strings.Contains(stderr, "--quota 0.5: ") {
			t.Errorf("got status %d, %q", status, stderr)
		}
		t.Skipf("refused as it should be: %v", err)
	}
	parent := filepath.Dir(g.Dir())
	if err := g.Remove(); err != nil {
		t.Fatal(err)
	}
	before := quotaGroups(t, parent)
	stdout, stderr, status := runCommand(t, dir, args...)
	if status != exitOK || stderr != "" || !strings.Contains(stdout, "at most 0.5 CPUs for the server") || strings.Count(stdout, " periods\n") != 2 {
		t.Errorf("got status %d, standard error %q\n%s", status, stderr, stdout)
	}
	for _, g := range quotaGroups(t, parent) {
		if _, err := os.Stat(g); !slices.Contains(before, g) && err == nil {
			t.Errorf("left behind: %s", g)
		}
	}
}

// quotaGroups returns the groups in parent that processes have left which are no more: others may be those of
// other tests, which run at the same time.
func quotaGroups(t *testing.T, parent string) (left []string) {
	t.Helper()
	groups, err := filepath.Glob(filepath.Join(parent, "runq-quota-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		var pid, n int
		if _, err := fmt.Sscanf(filepath.Base(g), "runq-quota-%d-%d", &pid, &n); err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
			left = append(left, g)
		}
	}
	return left
}

// TestQuotaRefused: an ordinary user is told what it takes.
func TestQuotaRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("TestIsolateQuota shows it")
	}
	// The test's program lies where only root can reach it, so a copy is run.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.MkdirTemp("/tmp", "runq-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	copied := filepath.Join(open, "runq")
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--quota 1 --modes a /usr", []string{"it takes root", "permission denied"}},
		{"--modes g " + open, []string{"mode g takes a control group", "it takes a superuser"}},
	} {
		cmd := exec.CommandContext(t.Context(), copied, append(slices.Clone(brief), strings.Fields(c.args)...)...)
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), beRunq+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		for _, want := range c.want {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%s: got %v: %s; want %q", c.args, err, out, want)
			}
		}
	}
}

// nobody is the user without rights on most systems; any number but 0 would do.
const nobody = 65534
