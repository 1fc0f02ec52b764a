// Command mem measures what a million waiting tasks cost in memory, and what
// as many goroutines cost. Each row is a process of its own: its peak resident
// set while all of them wait, less that of the same process without them. It
// writes the rows in Go's benchmark format.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/runq-go/runq/bench/internal/usage"
)

// A row makes n tasks or goroutines wait, calls full once all of them do, and
// then, where it can, lets them go and checks that all ended.
type row struct {
	name string
	make func(n int, full func()) error
}

var rows = []row{
	{"Queued1M/impl=runq", queuedRunq},
	{"Queued1M/impl=go", queuedGo},
	{"Parked1M/impl=runq", parkedRunq},
	{"Parked1M/impl=go", parkedGo},
}

func main() {
	n := flag.Int("n", 1_000_000, "tasks that wait; 10000 or more, or the noise hides them")
	child := flag.String("row", "", "do this row in this process and print the peak in bytes (what each child process runs)")
	flag.Parse()

	var err error
	if *child != "" {
		err = runRow(*child, *n)
	} else {
		err = measureAll(*n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mem:", err)
		os.Exit(1)
	}
}

// measureAll prints a line for every row.
func measureAll(n int) error {
	if n < 1 {
		return fmt.Errorf("-n %d: want at least 1", n)
	}
	for _, r := range rows {
		base, err := measure(r.name, 0)
		if err != nil {
			return err
		}
		peak, err := measure(r.name, n)
		if err != nil {
			return err
		}
		fmt.Printf("Benchmark%s-%d\t1\t%d rss-B\t%.1f rss-B/task\n",
			r.name, runtime.GOMAXPROCS(0), peak-base, float64(peak-base)/float64(n))
	}
	return nil
}

// measure runs one row in a child process and returns its peak in bytes.
func measure(name string, n int) (int64, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(exe, "-row", name, "-n", strconv.Itoa(n))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("row %s with %d tasks: %w\n%s", name, n, err, stderr.String())
	}
	return strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
}

// runRow does one row here and prints the peak at the time when all wait. All
// rows have one P, of runq and of Go's, so that the rows differ in what waits
// and in nothing else.
func runRow(name string, n int) error {
	runtime.GOMAXPROCS(1)
	for _, r := range rows {
		if r.name != name {
			continue
		}
		var peak int64
		if err := r.make(n, func() { peak = usage.PeakRSS() }); err != nil {
			return err
		}
		if peak == 0 {
			return errors.New("the row ended before all tasks waited")
		}
		fmt.Println(peak)
		return nil
	}
	return fmt.Errorf("no row %q", name)
}
