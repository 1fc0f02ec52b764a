package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// writeHeader writes what is known about the run.
func writeHeader(w io.Writer, o *options, skipped []string) {
	for _, f := range [][2]string{
		{"date", time.Now().UTC().Format(time.RFC3339)},
		{"commit", commit()},
		{"CPU", cpuModel()},
		{"cores", strconv.Itoa(runtime.NumCPU())},
		{"system", says("uname", "-sr")},
		{"Go", says("go", "env", "GOVERSION")},
		{"Rust", says("rustc", "--version")},
		{"C++", says("g++", "--version")},
		{"runs", strconv.Itoa(o.n)},
	} {
		fmt.Fprintf(w, "%s: %s\n", f[0], f[1])
	}
	if o.quick {
		fmt.Fprintln(w, "note: a quick run with small sizes; its figures mean nothing")
	}
	for _, s := range skipped {
		fmt.Fprintln(w, "skipped:", s)
	}
}

// says returns the first line that a program prints, "none" if it can't be run.
func says(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "none"
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}

func commit() string {
	hash := says("git", "rev-parse", "--short", "HEAD")
	if hash != "none" && exec.Command("git", "diff", "--quiet", "HEAD", "--", "..").Run() != nil {
		hash += "-modified"
	}
	return hash
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// tick is the unit of CPU time in /proc: USER_HZ, which is 100 on every system
// that Go runs on.
const tick = 10 * time.Millisecond

// processCPU returns the CPU time that a process has used.
func processCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is a name in brackets, which may have blanks in it. After
	// it, utime and stime are the 12th and the 13th.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: only %d fields after the name", pid, len(fields))
	}
	return ticks(string(fields[11])) + ticks(string(fields[12])), nil
}

// busy returns the CPU time that the whole machine has used, 0 if it isn't known.
func busy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(strings.SplitN(string(text), "\n", 2)[0])
	if len(fields) < 8 {
		return 0
	}
	sum := time.Duration(0)
	for _, i := range []int{1, 2, 3, 6, 7} { // user, nice, system, interrupts of two kinds
		sum += ticks(fields[i])
	}
	return sum
}

// ticks reads a number of ticks; what isn't a number counts as none.
func ticks(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * tick
}

// ownCPU returns the CPU time that this process and those that it has waited for
// have used.
func ownCPU() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var ru syscall.Rusage
		if err := syscall.Getrusage(who, &ru); err != nil {
			panic(fmt.Sprintf("forkjoin: getrusage(%d): %v", who, err))
		}
		sum += time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	}
	return sum
}
