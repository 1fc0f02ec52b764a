// Package input opens what a recording is read from.
package input

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Open opens a file, standard input ("-"), or what an address (http or https) answers. what
// is being asked for, in words, for errors. There is no limit on time: the address says how
// long to record.
func Open(name, what string) (io.ReadCloser, error) {
	switch {
	case name == "-":
		return io.NopCloser(os.Stdin), nil
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		return get(name, what)
	}
	return os.Open(name)
}

// get asks a program for a recording.
func get(url, what string) (io.ReadCloser, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", what, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	// What a handler answers instead of a recording is a sentence.
	says, err := io.ReadAll(io.LimitReader(resp.Body, 200))
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %s: %s", what, url, resp.Status)
	}
	return nil, fmt.Errorf("asking for %s: %s: %s: %s", what, url, resp.Status, strings.TrimSpace(string(says)))
}
