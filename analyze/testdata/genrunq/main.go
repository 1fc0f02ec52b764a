// Command genrunq records small programs on runq's scheduler, with one thing wrong in
// each: the twins of those that gen records of Go's. The tests in analyze read them. From
// the root of the repository:
//
//	go run -trimpath ./analyze/testdata/genrunq -o analyze/testdata all
//
// or with the names of some instead of all. Afterwards the tests' reports must be renewed,
// and looked at: go test ./analyze -run Recordings -update. A recording should be made
// while the machine has nothing else to do, or else it shows that, too.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/runq-go/runq"
)

// program is something that can be recorded. It takes less than a second.
type program struct {
	run    func(t *runq.Task) error
	config func(*runq.Config) // nil: as it is
}

var programs = map[string]program{
	"hog":        {run: hogs, config: func(c *runq.Config) { c.MaxOverruns = -1 }}, // or else others get the Ps of the hogs
	"convoy":     {run: convoy},
	"pipeline":   {run: pipeline},
	"block":      {run: block},
	"callstorm":  {run: callstorm},
	"timers":     {run: timers},
	"server":     {run: server},
	"background": {run: background},
}

func main() {
	dir := flag.String("o", ".", "folder to write to")
	flag.Parse()
	names := flag.Args()
	if len(names) == 1 && names[0] == "all" {
		names = names[:0]
		for n := range programs {
			names = append(names, n)
		}
		slices.Sort(names)
	}
	for _, n := range names {
		if err := record(filepath.Join(*dir, "runq-"+n+".runq"), n); err != nil {
			fmt.Fprintln(os.Stderr, "genrunq:", n+":", err)
			os.Exit(1)
		}
	}
}

// record runs a program on a scheduler of two Ps, the same everywhere, from its beginning
// to its end.
func record(file, name string) (err error) {
	p, ok := programs[name]
	if !ok {
		return errors.New("there is no such program")
	}
	cfg := runq.Config{Procs: 2, Trace: true}
	if p.config != nil {
		p.config(&cfg)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	s, err := runq.New(cfg)
	if err != nil {
		return err
	}
	r, err := s.Record(out)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	err = s.Run(nil, p.run)
	return errors.Join(err, s.Close(), r.Stop())
}
