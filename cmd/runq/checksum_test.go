package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// oddNames are names that break a careless writer of sums.
var oddNames = []string{
	"plain", "with space", " begins with space", "ends with space ", "new\nline", "car\rriage", "back\\slash",
	"\\begins with one", "-", "--help", "*star", "#hash", "\xff\xfe not UTF-8", "tab\t", "dots...", "日本語",
}

// writeTree makes a folder of files, by name and content.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// oddTree is a tree with every odd name and every size that a loop over chunks could get wrong.
func oddTree(t *testing.T) (dir string, files map[string]string) {
	files = map[string]string{}
	for i, name := range oddNames {
		files[name] = fmt.Sprint("content ", i)
		files[filepath.Join("sub", "dir", name)] = fmt.Sprint("below ", i)
	}
	for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize} {
		files[fmt.Sprintf("size/%d", n)] = strings.Repeat("x", n)
	}
	return writeTree(t, files), files
}

// forEach runs a test for every implementation.
func forEach(t *testing.T, test func(t *testing.T, im implementation)) {
	for _, im := range implementations {
		t.Run(im.name, func(t *testing.T) { test(t, im) })
	}
}

// mustRun does the whole job with one implementation.
func mustRun(t *testing.T, im implementation, j *job) {
	t.Helper()
	if _, err := im.run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	j.sort()
}

// checkSums fails unless the job found exactly the files below dir, with the right sums.
func checkSums(t *testing.T, j *job, dir string, files map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, s := range j.sums {
		if _, twice := got[s.path]; twice {
			t.Errorf("%q is summed twice", s.path)
		}
		got[s.path] = hex.EncodeToString(s.sum[:])
	}
	want := map[string]string{}
	for name, content := range files {
		want[filepath.Join(dir, name)] = fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// checkProblems fails unless the job failed at exactly these paths below dir, for these reasons.
func checkProblems(t *testing.T, j *job, dir string, want map[string]error) {
	t.Helper()
	got := map[string]error{}
	for _, p := range j.problems {
		got[strings.TrimPrefix(p.path, dir+"/")] = p.err
	}
	if len(got) != len(want) || len(got) != len(j.problems) {
		t.Errorf("got problems %v, want %v", j.problems, want)
	}
	for name, err := range want {
		if !errors.Is(got[name], err) {
			t.Errorf("%s: got error %v, want %v", name, got[name], err)
		}
	}
}

func TestSums(t *testing.T) {
	dir, files := oddTree(t)
	var digests []string
	forEach(t, func(t *testing.T, im implementation) {
		j := newJob(dir, "")
		mustRun(t, im, j)
		checkSums(t, j, dir, files)
		checkProblems(t, j, dir, nil)
		if got := j.done.Load(); got != int64(len(files)) || got != j.found.Load() {
			t.Errorf("%d of %d files done, want %d", got, j.found.Load(), len(files))
		}
		digests = append(digests, j.digest())
	})
	if len(slices.Compact(digests)) != 1 {
		t.Errorf("the implementations disagree: %q", digests)
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	files := map[string]string{"a": "a", "sub/b": "b"}
	dir := writeTree(t, files)
	for link, target := range map[string]string{
		"to file": "a", "to folder": "sub", "upwards": "..", "broken": "nowhere", "itself": "itself",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	forEach(t, func(t *testing.T, im implementation) {
		j := newJob(dir, "")
		mustRun(t, im, j)
		checkSums(t, j, dir, files)
		checkProblems(t, j, dir, map[string]error{"broken": fs.ErrNotExist, "itself": syscall.ELOOP})
	})
}

func TestFolderNamedByLink(t *testing.T) {
	files := map[string]string{"a": "a", "sub/b": "b"}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(writeTree(t, files), link); err != nil {
		t.Fatal(err)
	}
	forEach(t, func(t *testing.T, im implementation) {
		j := newJob(link, "")
		mustRun(t, im, j)
		checkSums(t, j, link, files)
	})
}

// faults opens files with faults, by base name: one that vanished between listing and opening, one that
// may not be read, one whose disk fails in its second chunk. It counts the files that are open.
type faults struct{ open atomic.Int64 }

func (f *faults) Open(path string) (io.ReadCloser, error) {
	fail := func(err error) (io.ReadCloser, error) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	switch filepath.Base(path) {
	case "vanished":
		return fail(syscall.ENOENT)
	case "forbidden":
		return fail(syscall.EACCES)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f.open.Add(1)
	c := &countedFile{File: file, counter: &f.open}
	if filepath.Base(path) == "bad disk" {
		c.failAfter = chunkSize + 1
	}
	return c, nil
}

type countedFile struct {
	*os.File
	counter   *atomic.Int64
	failAfter int // bytes; 0: never
	read      int
}

// WriteTo hides os.File's, which would go round Read.
func (f *countedFile) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{f})
}

func (f *countedFile) Read(p []byte) (int, error) {
	if f.failAfter > 0 && f.read >= f.failAfter {
		return 0, &fs.PathError{Op: "read", Path: f.Name(), Err: syscall.EIO}
	}
	n, err := f.File.Read(p)
	f.read += n
	return n, err
}

func (f *countedFile) Close() error {
	f.counter.Add(-1)
	return f.File.Close()
}

func TestFaults(t *testing.T) {
	good := map[string]string{"a": "a", "sub/b": "b", "sub/c": strings.Repeat("c", 2*chunkSize)}
	files := maps.Clone(good)
	for _, name := range []string{"vanished", "forbidden", "sub/bad disk"} {
		files[name] = strings.Repeat("x", 3*chunkSize)
	}
	dir := writeTree(t, files)
	var digests []string
	forEach(t, func(t *testing.T, im implementation) {
		var f faults
		j := newJob(dir, "")
		j.open = f.Open
		mustRun(t, im, j)
		checkSums(t, j, dir, good)
		checkProblems(t, j, dir, map[string]error{
			"vanished": fs.ErrNotExist, "forbidden": fs.ErrPermission, "sub/bad disk": syscall.EIO,
		})
		if n := f.open.Load(); n != 0 {
			t.Errorf("%d files are still open", n)
		}
		digests = append(digests, j.digest())
	})
	if len(slices.Compact(digests)) != 1 {
		t.Errorf("the implementations disagree: %q", digests)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; TestFaults has the same with injected errors")
	}
	good := map[string]string{"a": "a"}
	dir := writeTree(t, map[string]string{"a": "a", "file": "x", "folder/b": "x"})
	for _, name := range []string{"file", "folder"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o777) }) //nolint:errcheck // only so that the folder can be removed
	}
	forEach(t, func(t *testing.T, im implementation) {
		j := newJob(dir, "")
		mustRun(t, im, j)
		checkSums(t, j, dir, good)
		checkProblems(t, j, dir, map[string]error{"file": fs.ErrPermission, "folder": fs.ErrPermission})
	})
}

func TestVanishedFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	forEach(t, func(t *testing.T, im implementation) {
		j := newJob(dir, "")
		mustRun(t, im, j)
		if len(j.problems) != 1 || !errors.Is(j.problems[0].err, fs.ErrNotExist) || len(j.sums) != 0 {
			t.Errorf("got problems %v, sums %v", j.problems, j.sums)
		}
	})
}

// TestCancel ends the context when the first file is opened: the job must end although most of the tree
// is still to be done, with everything closed.
func TestCancel(t *testing.T) {
	dir, files := oddTree(t)
	forEach(t, func(t *testing.T, im implementation) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var f faults
		var opened atomic.Int64
		j := newJob(dir, "")
		j.open = func(path string) (io.ReadCloser, error) {
			opened.Add(1)
			cancel()
			return f.Open(path)
		}
		if _, err := im.run(ctx, j); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
		if n := f.open.Load(); n != 0 {
			t.Errorf("%d files are still open", n)
		}
		if n := opened.Load(); n == int64(len(files)) {
			t.Errorf("all %d files were opened after the cancellation", n)
		}
		if len(j.problems) != 0 {
			t.Errorf("files given up are reported as problems: %v", j.problems)
		}
	})
}

func TestLine(t *testing.T) {
	zero := strings.Repeat("0", 64)
	for name, want := range map[string]string{
		"a":           zero + "  a\n",
		" a b ":       zero + "   a b \n",
		"-":           zero + "  ./-\n",
		"a\nb":        `\` + zero + `  a\nb` + "\n",
		"a\rb":        `\` + zero + `  a\rb` + "\n",
		`a\b`:         `\` + zero + `  a\\b` + "\n",
		"\xff":        zero + "  \xff\n",
		"\\\n\\n\\\\": `\` + zero + `  \\\n\\n\\\\` + "\n",
	} {
		if got := (checksum{path: name}).line(); got != want {
			t.Errorf("%q: got line %q, want %q", name, got, want)
		}
	}
}

func TestReportProblems(t *testing.T) {
	j := newJob(".", "")
	for i := range maxReported + 3 {
		j.failed(fmt.Sprintf("file\n%02d", i), syscall.EIO)
	}
	j.sort()
	var out bytes.Buffer
	j.reportProblems(&out)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != maxReported+1 {
		t.Fatalf("got %d lines, want %d:\n%s", len(lines), maxReported+1, out.String())
	}
	if want := `runq: "file\n00": input/output error`; lines[0] != want {
		t.Errorf("got first line %q, want %q", lines[0], want)
	}
	if want := "runq: and 3 more"; lines[maxReported] != want {
		t.Errorf("got last line %q, want %q", lines[maxReported], want)
	}
}

func TestWriteOutput(t *testing.T) {
	j := newJob(".", "")
	j.hashed("b", [sha256.Size]byte{}, 1)
	j.hashed("a", [sha256.Size]byte{}, 1)
	j.sort()
	want := j.sums[0].line() + j.sums[1].line()
	if !strings.HasSuffix(j.sums[0].line(), "a\n") {
		t.Errorf("not sorted: %q", want)
	}

	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o666), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	if err := j.writeOutput(link, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("got %q, %v in the file, want %q", got, err, want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || entries[1].Type()&fs.ModeSymlink == 0 {
		t.Errorf("got %v, %v in the folder, want the file and the link", entries, err)
	}

	var stdout bytes.Buffer
	if err := j.writeOutput("-", &stdout); err != nil || stdout.String() != want {
		t.Errorf("got %q, %v on standard output, want %q", stdout.String(), err, want)
	}
	if err := j.writeOutput(filepath.Join(dir, "missing", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v for a missing folder", err)
	}
}

func TestCheckOutput(t *testing.T) {
	dir := writeTree(t, map[string]string{"file": ""})
	for _, name := range []string{"", "-", filepath.Join(dir, "file"), filepath.Join(dir, "new")} {
		if err := checkOutput(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{dir, "/dev/null", filepath.Join(dir, "missing", "new"), filepath.Join(dir, "file", "new")} {
		if err := checkOutput(name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}
