package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit in which Linux tells CPU times to programs, on every machine that Go runs on.
const clockTick = 10 * time.Millisecond

// readCPUTime returns how long all CPUs together have been busy since the machine started, but for the time
// that the children used. What a hypervisor took away counts as busy: this machine couldn't use it.
func readCPUTime(children ...*child) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	field := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal …, guests' time within user's
	if len(field) < 9 {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	busy, err := sumTicks(field[1], field[2], field[3], field[6], field[7], field[8])
	for _, c := range children {
		stat, e := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
		if e != nil {
			return 0, e
		}
		field := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the state on, which is the third one
		if len(field) < 13 {
			return 0, fmt.Errorf("/proc/%d/stat is %q", c.cmd.Process.Pid, stat)
		}
		own, e := sumTicks(field[11], field[12])
		busy -= own
		err = errors.Join(err, e)
	}
	return busy, err
}

func sumTicks(fields ...string) (time.Duration, error) {
	var sum int64
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * clockTick, nil
}
