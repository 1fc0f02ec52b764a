package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxFile is how much is read of a file: the kernel's own limit for most such files
// is a page, and the longest known cpu.stat has less than a tenth of it.
const maxFile = 64 << 10

// readFile returns the beginning of a file, as it is now.
func readFile(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", fmt.Errorf("cgroup: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return "", in(name, err)
	}
	return string(text), nil
}

// maxLine is how long a line of these files may be: two paths and the options, of a
// page each, but for file systems that are put together from many folders.
const maxLine = 64 << 10

// eachLine calls fn for every line of a file, without holding more than one. A file
// that doesn't exist has none.
func eachLine(fsys fs.FS, name string, fn func(line string) error) error {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cgroup: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if err := fn(lines.Text()); err != nil {
			return in(name, err)
		}
	}
	return in(name, lines.Err())
}

// in says in which file an error was found.
func in(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cgroup: /%s: %w", name, err)
}
