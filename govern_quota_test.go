package runq

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// quotaChild is set, in the environment, for the process that TestQuotaChild is for.
const quotaChild = "RUNQ_TEST_QUOTA"

// TestQuotaChild runs in a control group of its own and is no test otherwise: it keeps
// background work busy, and answers each line that it gets with one about that.
func TestQuotaChild(t *testing.T) {
	if os.Getenv(quotaChild) == "" {
		t.Skip("for TestRealQuota")
	}
	s := newBackground(t, Config{Procs: 2})
	var stop atomic.Bool
	defer stop.Store(true)
	for range 4 {
		s.Background().Go(func(tk *Task) {
			for !stop.Load() {
				tk.Checkpoint()
			}
		})
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		b := s.Stats().Background
		fmt.Println(quotaChild, b.Quota, b.Allowed, b.Periods, b.ThrottledPeriods, b.Throttled.Microseconds(), b.CPU.Microseconds())
	}
}

// quotaGroup makes a control group at the usual places, gone when the test ends, and
// returns its folders, and a function that sets its limit; negative: none.
func quotaGroup(t *testing.T) (dirs []string, limit func(cpus float64)) {
	t.Helper()
	tops := []string{"/sys/fs/cgroup"}
	enabled, err := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control")
	unified := err == nil && slices.Contains(strings.Fields(string(enabled)), "cpu")
	if !unified {
		tops = []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpuacct"}
	}
	for _, top := range tops {
		dir := fmt.Sprintf("%s/runq-quota-%d", top, os.Getpid())
		if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
			continue // one folder for both
		} else if err != nil {
			t.Skipf("making a control group takes a superuser and a writable mount: %v", err)
		}
		t.Cleanup(func() {
			awaitTrue(t, "the kernel lets go of the group", func() bool { return os.Remove(dir) == nil })
		})
		dirs = append(dirs, dir)
	}
	const period = 100_000 // µs
	return dirs, func(cpus float64) {
		name, text := dirs[0]+"/cpu.cfs_quota_us", fmt.Sprint(int(cpus*period))
		switch {
		case unified && cpus < 0:
			name, text = dirs[0]+"/cpu.max", "max"
		case unified:
			name, text = dirs[0]+"/cpu.max", fmt.Sprint(text, " ", period)
		case cpus < 0:
			text = "-1"
		}
		if err := os.WriteFile(name, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRealQuota: in a control group with a quota, background work is kept within it, and
// a change of the quota is noticed.
func TestRealQuota(t *testing.T) {
	dirs, limit := quotaGroup(t)
	limit(1)
	const enter = `for d in "$@"; do echo $$ > "$d/cgroup.procs" || exit 1; done; exec "$0" -test.run='^TestQuotaChild$' -test.count=1 -test.v`
	cmd := exec.Command("/bin/sh", append([]string{"-c", enter, os.Args[0]}, dirs...)...)
	cmd.Env = append(os.Environ(), quotaChild+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // it ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child: %v", err)
		}
	})
	said := bufio.NewScanner(out)
	var quota, allowed float64
	var periods, throttled, stood, used uint64
	ask := func() {
		fmt.Fprintln(in)
		for said.Scan() {
			if n, _ := fmt.Sscanf(said.Text(), quotaChild+" %g %g %d %d %d %d", &quota, &allowed, &periods, &throttled, &stood, &used); n == 6 {
				return
			}
		}
		t.Fatal("the child says nothing")
	}
	for _, cpus := range []float64{1, 0.5, -1} {
		limit(cpus)
		awaitTrue(t, fmt.Sprintf("a limit of %v CPUs is noticed", cpus), func() bool {
			ask()
			if cpus < 0 {
				return quota == 0 && allowed == -1
			}
			return quota == cpus && allowed >= 0 && allowed < cpus
		})
		if cpus < 0 {
			return
		}
		from, before := periods, throttled
		awaitTrue(t, "some periods have passed", func() bool { ask(); return periods >= from+20 })
		t.Logf("quota %v: allowed %.3f, throttled in %d of %d periods, for %d µs in all; background work has used %d µs",
			cpus, allowed, throttled-before, periods-from, stood, used)
	}
}
