package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/runq-go/runq/internal/leak"
)

// beRunq makes the test binary behave as the command: so the tests run the real processes, the measured
// ones included, with the race detector and coverage if the test has them.
const beRunq = "RUNQ_TEST_BE_RUNQ"

// keptByCobra is for what cobra keeps: it has the completion functions of flags in a table of its own, and with them
// each tree of commands that a test makes, a KB or so of it. There are a hundred in one run of the tests, and this is
// enough for some hundred runs in a row.
const keptByCobra = 64 << 20

func TestMain(m *testing.M) {
	if os.Getenv(beRunq) != "" {
		main()
	}
	// Under the race detector a process lingers for a second at its end: too long for that many of them.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	leak.Main(m, leak.Budget{Heap: keptByCobra})
}

// command returns the command, run in dir.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), beRunq+"=1")
	return cmd
}

// runCommand runs the command and returns what it printed and its exit status.
func runCommand(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(t, dir, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestEndToEnd(t *testing.T) {
	sha256sum, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("needs sha256sum, the program whose format this is")
	}
	dir, files := oddTree(t)
	for _, folder := range []string{".", dir, "sub"} {
		// The output lies inside the folder, and is there from the second time on.
		stdout, stderr, status := runCommand(t, dir, "demo", "checksum", "--rounds", "1", "-o", "SUMS", folder)
		if status != exitOK || stderr != "" {
			t.Fatalf("%s: got status %d, standard error %q", folder, status, stderr)
		}
		if !strings.Contains(stdout, fmt.Sprintf("All %d agree", len(implementations))) {
			t.Errorf("%s: the table doesn't say that all agree:\n%s", folder, stdout)
		}
		check := exec.CommandContext(t.Context(), sha256sum, "--strict", "-c", "SUMS")
		check.Dir = dir
		out, err := check.CombinedOutput()
		if err != nil {
			t.Errorf("%s: sha256sum: %v\n%s", folder, err, out)
		}
		want := len(files)
		if folder == "sub" {
			want = len(oddNames)
		}
		if got := strings.Count(string(out), ": OK\n"); got != want {
			t.Errorf("%s: sha256sum found %d files OK, want %d\n%s", folder, got, want, out)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestProblemsAreReported(t *testing.T) {
	dir := writeTree(t, map[string]string{"a": "a"})
	if err := os.Symlink("nowhere", filepath.Join(dir, "broken")); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, status := runCommand(t, dir, "demo", "checksum", "--rounds", "1", "-o", "-", ".")
	if status != exitFailed {
		t.Errorf("got status %d, want %d", status, exitFailed)
	}
	if !strings.HasSuffix(stdout, "  a\n") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("got standard output %q, want the sum of a alone", stdout)
	}
	for _, want := range []string{
		"runq: broken: broken link: no such file or directory\n", "agree on every sum", "runq: 1 path of 2 paths could not be read\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%s", want, stderr)
		}
	}
}

func TestMisuse(t *testing.T) {
	dir := writeTree(t, map[string]string{"file": ""})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"demo", "checksum", "missing"}, "folder missing: no such file or directory"},
		{[]string{"demo", "checksum", "file"}, "file is not a folder"},
		{[]string{"demo", "checksum", ".", "."}, "at most 1 arg"},
		{[]string{"demo", "checksum", "--rounds", "-1", "."}, "--rounds -1: must be 0 or more"},
		{[]string{"demo", "checksum", "-o", "missing/sums", "."}, "folder missing: no such file or directory"},
		{[]string{"demo", "checksum", "-o", "/dev/null", "."}, "not a regular file"},
		{[]string{"demo", "nothing"}, `unknown command "nothing"`},
		{[]string{"demo", "checksum-measure", "nothing", "."}, `no implementation is called "nothing"`},
	} {
		stdout, stderr, status := runCommand(t, dir, c.args...)
		if status != exitFailed || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: got status %d, output %q, error %q; want error %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	stdout, _, status := runCommand(t, ".", "--version")
	if status != exitOK || !strings.Contains(stdout, runtime.Version()) {
		t.Errorf("--version: got status %d, %q", status, stdout)
	}
	stdout, _, status = runCommand(t, ".", "demo", "--help")
	if status != exitOK || !strings.Contains(stdout, "checksum") || strings.Contains(stdout, "checksum-measure") {
		t.Errorf("demo --help: got status %d, %q", status, stdout)
	}
}

// TestMemoryIsTheChilds keeps a measured process from being charged with the memory of who started it.
func TestMemoryIsTheChilds(t *testing.T) {
	t.Setenv(beRunq, "1")
	ballast := bytes.Repeat([]byte{1}, 512<<20) // more than any build of the command takes for two files
	m := newMeasurement(newJob(writeTree(t, map[string]string{"a": "a", "b": "b"}), ""), 1)
	forEach(t, func(t *testing.T, im implementation) {
		o, err := m.once(t.Context(), im.name)
		if err != nil {
			t.Fatal(err)
		}
		if o.Peak <= 0 || o.Peak >= int64(len(ballast)) {
			t.Errorf("got a peak of %d bytes", o.Peak)
		}
		if (o.Counters != nil) != (im.name == "runq") {
			t.Errorf("got counters %v", o.Counters)
		}
	})
	runtime.KeepAlive(ballast)
}
