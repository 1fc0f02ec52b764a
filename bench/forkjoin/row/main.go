// Command row measures one Go row of the fork-join suite: one workload by one
// implementation with one number of workers, in a process of its own. It prints
//
//	workload impl workers wall_ns cpu_ns allocs peak_rss_kb check
//
// where the times and the allocations are those of one operation, and check is
// the answer, which must be the same for every implementation. The programs in
// ../rust and ../cpp do the same for their languages, with the same arguments.
//
//	row list
//	row WORKLOAD IMPL WORKERS [quick]
package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "row:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "list" {
		list()
		return nil
	}
	quick := len(args) == 4 && args[3] == "quick"
	if len(args) != 3 && !quick {
		return fmt.Errorf("arguments %q: want list, or WORKLOAD IMPL WORKERS [quick]", args)
	}
	workers, err := strconv.Atoi(args[2])
	if err != nil || workers < 1 {
		return fmt.Errorf("workers %q: want a number from 1", args[2])
	}
	w, err := find(args[0])
	if err != nil {
		return err
	}
	i := slices.IndexFunc(impls, func(m impl) bool { return m.name == args[1] && m.does(w) })
	if i < 0 {
		return fmt.Errorf("implementation %q: none such of %s in this build", args[1], w.name)
	}
	m, err := impls[i].measure(w, workers, quick)
	if err != nil {
		return err
	}
	fmt.Println(w.name, args[1], workers, m)
	return nil
}

// list prints the rows of this program: a workload and an implementation a line.
func list() {
	for _, w := range workloads {
		for _, m := range impls {
			if m.does(w) {
				fmt.Println(w.name, m.name)
			}
		}
	}
}

func find(name string) (*workload, error) {
	for _, w := range workloads {
		if w.name == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("workload %q: no such workload", name)
}
