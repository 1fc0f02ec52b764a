package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/runq-go/runq"
)

const (
	// compressionLevel is gzip's own default.
	compressionLevel = 6

	// blockSize is how much is compressed between two calls of the scheduler, where there are any: some
	// hundred microseconds of work.
	blockSize = 16 << 10

	// mostFiles bytes of files are read at most, so that any folder can be named. It is more than the Go tree.
	mostFiles = 256 << 20
)

// An isolateMode is one way to do the work beside the servers.
type isolateMode struct {
	letter, title string
	start         func(c *compression, workers int) (stop func() error, err error)
}

// groupMode is the mode that needs the right to make a control group.
const groupMode = "g"

// isolateModes are the modes, in the order of the tables.
var isolateModes = []isolateMode{
	{"a", "no background work", func(*compression, int) (func() error, error) { return func() error { return nil }, nil }},
	{controlMode, "none; niced loops elsewhere", func(*compression, int) (func() error, error) { return func() error { return nil }, nil }},
	{"b", "goroutines", onGoroutines(func() {})},
	{"c", "goroutines, Gosched", onGoroutines(runtime.Gosched)},
	{"d", "runq background, Checkpoint", onRunq(runq.Config{}, (*runq.Task).Checkpoint)},
	{"e", "runq background, no Checkpoint", onRunq(runq.Config{}, func(*runq.Task) {})},
	{"f", "runq background, forks", onForks},
	{groupMode, "no Checkpoint, control group", onRunq(runq.Config{ControlGroup: true}, func(*runq.Task) {})},
}

// isolateModeOf returns the mode with that letter.
func isolateModeOf(letter string) (isolateMode, error) {
	var known []string
	for _, m := range isolateModes {
		if m.letter == letter {
			return m, nil
		}
		known = append(known, m.letter)
	}
	return isolateMode{}, fmt.Errorf("no mode is called %q; there are %s", letter, strings.Join(known, ", "))
}

// onGoroutines compresses in as many goroutines as there are workers.
func onGoroutines(between func()) func(*compression, int) (func() error, error) {
	return func(c *compression, workers int) (func() error, error) {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() { c.run(between) })
		}
		return func() error { c.ended.Store(true); wg.Wait(); return nil }, nil
	}
}

// onRunq compresses in as many background tasks as there are workers: each is one task until the end. A control
// group that was asked for there must be.
func onRunq(cfg runq.Config, between func(*runq.Task)) func(*compression, int) (func() error, error) {
	return func(c *compression, workers int) (func() error, error) {
		s, err := runq.New(cfg)
		if err != nil {
			return nil, err
		}
		for range workers {
			s.Background().Go(func(t *runq.Task) { c.run(func() { between(t) }) })
		}
		b := s.Stats().Background
		stop := func() error {
			c.ended.Store(true)
			return errors.Join(s.Close(), s.Stats().Background.Ungrouped) // nothing measured without the group is mode g
		}
		if cfg.ControlGroup && b.Group == "" {
			stop() //nolint:errcheck // says the same
			return nil, fmt.Errorf("mode %s takes a control group for background threads: %w", groupMode, errors.Join(b.Ungrouped, b.Weak))
		}
		return stop, nil
	}
}

// A compression compresses files, over and over, until it is ended.
type compression struct {
	*corpus
	turn  atomic.Int64 // which file is next
	input atomic.Int64 // bytes compressed so far
	ended atomic.Bool
}

func newCompression(files *corpus) *compression { return &compression{corpus: files} }

// run compresses whole files, one after the other, and calls between after every block of them.
func (c *compression) run(between func()) {
	z, err := gzip.NewWriterLevel(io.Discard, compressionLevel)
	if err != nil {
		panic(err) // BUG: only a level that doesn't exist is an error
	}
	for {
		file := c.files[(c.turn.Add(1)-1)%int64(len(c.files))]
		z.Reset(io.Discard)
		for len(file) > 0 {
			if c.ended.Load() {
				return
			}
			block := file[:min(blockSize, len(file))]
			z.Write(block) //nolint:errcheck // io.Discard takes anything
			c.input.Add(int64(len(block)))
			file = file[len(block):]
			between()
		}
		z.Close() //nolint:errcheck // as above
	}
}

// A corpus is files, read into memory before anything is measured. The memory isn't Go's: there its size would
// decide how seldom Go's collector runs, whose pauses are measured.
type corpus struct {
	memory []byte
	files  [][]byte // none is empty
	bytes  int64
}

func (c *corpus) free() { unix.Munmap(c.memory) } //nolint:errcheck // the process is about to end

// readCorpus reads the regular files under a folder, in the order of their names, up to mostFiles. What can't
// be read is left out: it is the same for all modes.
func readCorpus(folder string) (*corpus, error) {
	var names []string
	var total int64
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // left out, as the comment says
		}
		info, err := entry.Info()
		if err == nil && info.Size() > 0 && total+info.Size() <= mostFiles {
			names = append(names, name)
			total += info.Size()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if total == 0 {
		return nil, fmt.Errorf("nothing to compress: no file that can be read under %s", printable(folder))
	}
	memory, err := unix.Mmap(-1, 0, int(total), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("no memory for %s of files: %w", size(total), err)
	}
	c := &corpus{memory: memory}
	for _, name := range names {
		file := readInto(memory[c.bytes:], name)
		if len(file) > 0 {
			c.files = append(c.files, file)
			c.bytes += int64(len(file))
		}
	}
	if c.bytes == 0 {
		c.free()
		return nil, fmt.Errorf("nothing to compress: no file under %s can be read", printable(folder))
	}
	return c, nil
}

// readInto reads a file, or as much of it as there is room for; nothing if it can't be read.
func readInto(room []byte, name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	n, err := io.ReadFull(f, room[:sizeOf(f, len(room))])
	if err != nil && err != io.ErrUnexpectedEOF { // a file that has become shorter is still a file
		return nil
	}
	return room[:n]
}

// sizeOf returns the size of a file, but most at most.
func sizeOf(f *os.File, most int) int {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return int(min(info.Size(), int64(most)))
}
