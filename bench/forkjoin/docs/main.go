// Command docs makes docs/benchmarks.md and its charts from the results that a
// run of the benchmarks has kept in a folder.
//
//	docs [-o FOLDER] RESULTS
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/runq-go/runq/bench/forkjoin/report"
)

func main() {
	out := flag.String("o", "../docs", "folder to write to; the default is right where bench/go.mod is")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: docs [-o FOLDER] RESULTS   (a folder such as results/20261122-3883307-amd-epyc)")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(kept, out string) error {
	raw, err := os.Open(filepath.Join(kept, report.RawName))
	if err != nil {
		return err
	}
	defer raw.Close()
	res, err := report.Read(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", raw.Name(), err)
	}
	other, err := os.ReadFile(filepath.Join(kept, "table.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return res.WriteDocument(out, other)
}
