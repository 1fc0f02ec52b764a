// Command tracegen writes small execution traces of programs with one thing wrong in each:
// what the tests in analyze and observe/gotrace read. It is a module of its own, so that
// older releases of Go can run it, too. In this folder:
//
//	go run -trimpath . -o .. all
//	GOTOOLCHAIN=go1.22.12 go run -trimpath . -o ../../../observe/gotrace/testdata -name go1.22 small
//
// Afterwards the tests' reports must be renewed, and looked at: go test ./analyze -update.
// A trace should be recorded while the machine has nothing else to do, or else it shows
// that, too.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/trace"
	"sort"
)

// programs are what can be recorded. Each one runs for less than a second.
var programs = map[string]func(){
	"small":    small,
	"hog":      hogs,
	"convoy":   convoy,
	"pipeline": pipeline,
	"cgo":      foreign,
	"syscalls": syscalls,
	"gc":       gc,
	"timers":   timers,
	"server":   server,
	"stop":     stop,
}

func main() {
	dir := flag.String("o", ".", "folder to write to")
	name := flag.String("name", "", "name of the file, without its ending; empty: that of the program")
	flag.Parse()
	runtime.GOMAXPROCS(2) // the same everywhere
	names := flag.Args()
	if len(names) == 1 && names[0] == "all" {
		names = names[:0]
		for n := range programs {
			if n != "small" {
				names = append(names, n)
			}
		}
		sort.Strings(names)
	}
	for _, n := range names {
		file := *name
		if file == "" {
			file = n
		}
		if err := record(filepath.Join(*dir, file+".trace"), programs[n]); err != nil {
			fmt.Fprintln(os.Stderr, "tracegen:", n+":", err)
			os.Exit(1)
		}
	}
}

func record(file string, program func()) error {
	if program == nil {
		return fmt.Errorf("there is no such program")
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	runtime.GC() // what was there before doesn't matter
	if err := trace.Start(out); err != nil {
		return err
	}
	program()
	trace.Stop()
	return out.Close()
}
