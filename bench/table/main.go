// Command table reads results in Go's benchmark format and writes one Markdown
// table: medians, ratios to the goroutine row and to the best pool, and the
// target beside each figure of runq.
//
//	table raw.txt...
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: table FILE...   (\"-\" is standard input)")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(paths []string, w io.Writer) error {
	res, err := read(paths)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	res.writeHeader(out)
	writeTable(out, res)
	return out.Flush()
}
