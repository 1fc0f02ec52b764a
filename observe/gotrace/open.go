package gotrace

import (
	"fmt"

	"github.com/runq-go/runq/observe/internal/input"
)

// Open opens a trace: a file, "-" for standard input, or the address of a program that
// serves net/http/pprof (http://host/debug/pprof/trace?seconds=5), which then records
// for so long. It blocks until the first few bytes are there.
func Open(name string) (*Source, error) {
	in, err := input.Open(name, "a trace")
	if err != nil {
		return nil, err
	}
	s, err := New(in, Options{})
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
