package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// maxReported is how many problems get a line of their own: what still fits a screen.
const maxReported = 20

// A job is one pass over a folder: what to do and what came of it. The implementations differ in who
// calls its methods, not in what the methods do. Methods may be called from anywhere at any time, except
// where they say otherwise.
type job struct {
	root   string // as the user named it
	output string // the file that will hold the sums, and isn't part of the input; "": none

	// open is os.Open; tests put a file system with faults here.
	open func(path string) (io.ReadCloser, error)

	found, done, bytes atomic.Int64 // files seen, files finished, bytes summed: for the progress bar

	mu       sync.Mutex
	sums     []checksum
	problems []problem
}

type checksum struct {
	path string
	sum  [sha256.Size]byte
}

// A problem is a path that should have been summed, or searched, and couldn't be.
type problem struct {
	path string
	err  error
}

func newJob(root, output string) *job {
	if output == "-" {
		output = ""
	}
	return &job{root: root, output: output, open: func(path string) (io.ReadCloser, error) { return os.Open(path) }}
}

// walkRoot is where to start walking: with the slash a folder that was named through a symbolic link is
// walked, while links inside it aren't.
func (j *job) walkRoot() string { return filepath.Clean(j.root) + "/" }

// wanted says whether the entry d at path is a file to sum. It reports broken links.
func (j *job) wanted(path string, d fs.DirEntry) bool {
	switch {
	case d.Type().IsRegular():
		if j.isOutput(path) {
			return false
		}
		j.found.Add(1)
		return true
	case d.Type()&fs.ModeSymlink != 0:
		if _, err := os.Stat(path); err != nil {
			j.failed(path, fmt.Errorf("broken link: %w", reason(err)))
		}
	}
	return false
}

// isOutput says whether path is the file that the sums go to: no sum of it could be right.
func (j *job) isOutput(path string) bool {
	if filepath.Base(path) != filepath.Base(j.output) {
		return false
	}
	a, err := os.Stat(path)
	if err != nil {
		return false
	}
	b, err := os.Stat(j.output)
	return err == nil && os.SameFile(a, b)
}

// list reads one folder. It blocks.
func (j *job) list(dir string) (dirs, files []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		j.failed(dir, err) // and go on with the entries read so far
	}
	for _, d := range entries {
		path := filepath.Join(dir, d.Name())
		if d.IsDir() {
			dirs = append(dirs, path)
		} else if j.wanted(path, d) {
			files = append(files, path)
		}
	}
	return dirs, files
}

// hashed records the sum of a file of n bytes.
func (j *job) hashed(path string, sum [sha256.Size]byte, n int64) {
	j.done.Add(1)
	j.bytes.Add(n)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sums = append(j.sums, checksum{path, sum})
}

// failed records a path that couldn't be read.
func (j *job) failed(path string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.problems = append(j.problems, problem{path, reason(err)})
}

// sort puts the results into the order of their paths, which doesn't depend on the schedule. Call it
// when nothing else uses the job anymore, and before any of the methods below.
func (j *job) sort() {
	slices.SortFunc(j.sums, func(a, b checksum) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(j.problems, func(a, b problem) int { return strings.Compare(a.path, b.path) })
}

// digest stands for the whole result: two jobs with the same digest found the same sums and failed at
// the same paths.
func (j *job) digest() string {
	h := sha256.New()
	j.writeSums(h)
	for _, p := range j.problems {
		fmt.Fprintf(h, "%q\n", p.path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// reportProblems prints one line for each problem, and how many more there are beyond maxReported.
func (j *job) reportProblems(w io.Writer) {
	for i, p := range j.problems {
		if i == maxReported {
			fmt.Fprintf(w, "runq: and %d more\n", len(j.problems)-i)
			return
		}
		fmt.Fprintf(w, "runq: %s: %v\n", printable(p.path), p.err)
	}
}

// writeSums writes the sums as sha256sum does.
func (j *job) writeSums(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, s := range j.sums {
		b.WriteString(s.line())
	}
	return b.Flush()
}

// escapes are what sha256sum escapes in a name, because it would end or blur the line.
var escapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`)

// line is the line that sha256sum prints for a file. A backslash at its begin says that the name is escaped.
func (s checksum) line() string {
	name := s.path
	if name == "-" {
		name = "./-" // "sha256sum -c" takes a bare dash for its standard input
	}
	mark := ""
	if escaped := escapes.Replace(name); escaped != name {
		mark, name = `\`, escaped
	}
	return mark + hex.EncodeToString(s.sum[:]) + "  " + name + "\n"
}

// checkOutput fails if writeOutput is bound to, before any work is done. Only a regular file can be
// replaced: renaming a file over a device would destroy the device.
func checkOutput(name string) error {
	if name == "" || name == "-" {
		return nil
	}
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("-o %s: not a regular file; name a file, or \"-\" for standard output", printable(name))
	}
	if dir, err := os.Stat(filepath.Dir(name)); err != nil {
		return fmt.Errorf("-o %s: folder %s: %w", printable(name), printable(filepath.Dir(name)), reason(err))
	} else if !dir.IsDir() {
		return fmt.Errorf("-o %s: %s is not a folder", printable(name), printable(filepath.Dir(name)))
	}
	return nil
}

// writeOutput writes the sums to the named file, which has all of them or stays as it was, or to stdout
// for "-", or nowhere for "".
func (j *job) writeOutput(name string, stdout io.Writer) error {
	switch name {
	case "":
		return nil
	case "-":
		return j.writeSums(stdout)
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real // replace the file, not the link to it
	}
	// Not os.CreateTemp: its file is private, this one is to have the mode that any new file gets.
	temp := fmt.Sprintf("%s.%d.tmp", name, os.Getpid())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("can't write the sums: %w", err)
	}
	err = errors.Join(j.writeSums(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		os.Remove(temp)
		return fmt.Errorf("can't write the sums: %w", err)
	}
	return nil
}

// progress says how far the job is, between 0 and 1, in numbers and in words.
func (j *job) progress() (float64, string) {
	done, found := j.done.Load(), j.found.Load()
	return float64(done) / float64(max(found, 1)), fmt.Sprintf("%d of %d files, %s", done, found, size(j.bytes.Load()))
}

// reason strips the operation and the path from an error of package os: the report names the path itself.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// printable is a path as it can be shown on one line of a terminal.
func printable(path string) string {
	if q := strconv.Quote(path); q != `"`+path+`"` || path == "" {
		return q
	}
	return path
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
