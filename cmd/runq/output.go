package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// An output is a file that a command makes: it appears when it is whole, or stays as it was. "-" is standard
// output.
type output struct {
	name string
	to   *bufio.Writer
	file *os.File // nil: standard output
	temp string   // its name until it is whole
}

// newOutput begins an output, with the name that the user gave for the option.
func newOutput(option, name string, stdout io.Writer) (*output, error) {
	if name == "-" {
		return &output{name: "standard output", to: bufio.NewWriter(stdout)}, nil
	}
	if err := checkNamed(option, name); err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real // replace the file, not the link to it
	}
	o := &output{name: name, temp: fmt.Sprintf("%s.%d.tmp", name, os.Getpid())}
	// Not os.CreateTemp: its file is private, this one is to have the mode that any new file gets.
	f, err := os.OpenFile(o.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", option, printable(name), reason(err))
	}
	o.file, o.to = f, bufio.NewWriter(f)
	return o, nil
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) { return o.to.Write(p) }

// done ends the output: err is what became of making it. It is there then, unless there is an error.
func (o *output) done(err error) error {
	if err == nil {
		err = o.to.Flush()
	}
	if o.file == nil {
		return err
	}
	if err == nil {
		err = o.file.Close()
	}
	if err == nil {
		err = os.Rename(o.temp, o.name)
	}
	if err != nil {
		o.file.Close()    //nolint:errcheck // once more, perhaps
		os.Remove(o.temp) //nolint:errcheck // what went wrong before is what counts
		return fmt.Errorf("can't write %s: %w", printable(o.name), reason(err))
	}
	return nil
}

// abandon gives the output up, because of err, which it returns. Somebody may still write to it.
func (o *output) abandon(err error) error {
	if o.file != nil {
		os.Remove(o.temp) //nolint:errcheck // the process is about to end
	}
	return err
}

// openRecording opens the file of a recording. Unlike an output it is there from the beginning, so that what has come is
// kept whatever happens.
func openRecording(name string, stdout io.Writer) (io.WriteCloser, error) {
	if name == "-" {
		return nopCloser{stdout}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("-o %s: %w", printable(name), reason(err))
	}
	return f, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// checkNamed is checkOutput for any option.
func checkNamed(option, name string) error {
	if name == "" {
		return fmt.Errorf("%s needs the name of a file, or \"-\" for standard output", option)
	}
	if err := checkOutput(name); err != nil {
		if option != "-o" {
			return fmt.Errorf("%s: %w", option, err)
		}
		return err
	}
	return nil
}
