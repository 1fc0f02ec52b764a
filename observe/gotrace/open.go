package gotrace

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Open opens a trace: a file, "-" for standard input, or the address of a program that
// serves net/http/pprof (http://host/debug/pprof/trace?seconds=5), which then records
// for so long. It blocks until the first few bytes are there.
func Open(name string) (*Source, error) {
	in, err := open(name)
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

func open(name string) (io.ReadCloser, error) {
	switch {
	case name == "-":
		return io.NopCloser(os.Stdin), nil
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		return get(name)
	}
	return os.Open(name)
}

// get asks a program for a trace. There is no limit on time: the address says how long
// to record.
func get(url string) (io.ReadCloser, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, fmt.Errorf("asking for a trace: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	// What pprof answers instead of a trace is a sentence.
	says, err := io.ReadAll(io.LimitReader(resp.Body, 200))
	if err != nil {
		return nil, fmt.Errorf("asking for a trace: %s: %s", url, resp.Status)
	}
	return nil, fmt.Errorf("asking for a trace: %s: %s: %s", url, resp.Status, strings.TrimSpace(string(says)))
}
