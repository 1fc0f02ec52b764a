// Command extsort sorts a file of numbers that is larger than the memory it allows
// itself: it sorts one piece after the other in memory, with a parallel Sort, writes each
// to a file, and merges these. While a piece is sorted, the next one is read and the one
// before is written.
//
// The file is one of its own making, and so are the checks: that the result is in order,
// and the same as that of sorting all at once, serially.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/runq-go/runq"
)

func main() {
	n := flag.Int("n", 2_000_000, "`numbers` in the file, of eight bytes each")
	memory := flag.Int("memory", 4<<20, "`bytes` of memory to sort in")
	flag.Parse()
	dir, err := os.MkdirTemp("", "extsort")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(dir, *n, *memory); err != nil {
		os.RemoveAll(dir)
		log.Fatal(err)
	}

	// Output:
	// sorted 16000000 bytes in 4194304 bytes of memory, in 16 pieces
	// the same as serially: true
}

func run(dir string, n, memory int) error {
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	numbers := make([]uint64, n) // in memory for the sake of the comparison only
	for i := range numbers {
		numbers[i] = uint64(i+1) * 0x9e3779b97f4a7c15
	}
	if err := write(in, numbers); err != nil {
		return err
	}
	// Three pieces are in work at a time, and Sort needs memory for another one.
	s := &sorter{dir: dir, size: max(1, memory/8/4), total: n}
	err := runq.Default().Run(nil, func(t *runq.Task) error { return s.split(t, in) })
	if err != nil {
		return err
	}
	if err := s.mergeAll(out); err != nil {
		return err
	}
	fmt.Printf("sorted %d bytes in %d bytes of memory, in %d pieces\n", n*8, memory, s.made)

	bar(1, 1)
	slices.Sort(numbers)
	got, err := os.Open(out)
	if err != nil {
		return err
	}
	defer got.Close()
	back := make([]uint64, n)
	err = binary.Read(bufio.NewReader(got), binary.LittleEndian, back)
	fmt.Println("the same as serially:", slices.Equal(back, numbers))
	return err
}

// sorter sorts a file by way of pieces of size numbers.
type sorter struct {
	dir         string
	size        int
	total, done int      // numbers
	pieces      []string // files
	made        int      // pieces, by sorting
}

// fanIn is how many pieces are merged at once: each is an open file and has a buffer.
const fanIn = 64

// split sorts the pieces of a file, each to a file of its own.
func (s *sorter) split(t *runq.Task, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	var coming, sorting, going = make([]uint64, s.size), make([]uint64, 0, s.size), make([]uint64, 0, s.size)
	for {
		var readErr, writeErr error
		runq.Invoke(t,
			func(t *runq.Task) { t.Block(func() { coming, readErr = read(r, coming[:s.size]) }) },
			func(t *runq.Task) { t.Block(func() { writeErr = s.put(going) }) },
			func(t *runq.Task) { runq.Sort(t, sorting) },
		)
		switch {
		case readErr != nil:
			return readErr
		case writeErr != nil:
			return writeErr
		case len(coming)+len(sorting) == 0:
			return nil
		}
		coming, sorting, going = going, coming, sorting
	}
}

// put writes a sorted piece.
func (s *sorter) put(numbers []uint64) error {
	if len(numbers) == 0 {
		return nil
	}
	name := filepath.Join(s.dir, fmt.Sprint("piece", s.made))
	s.made++
	s.pieces = append(s.pieces, name)
	s.done += len(numbers)
	bar(s.done, 2*s.total)
	return write(name, numbers)
}

// piece is a sorted file, of which the first number has been read.
type piece struct {
	first uint64
	r     *bufio.Reader
}

// mergeAll merges the pieces into one file, in as many rounds as it takes.
func (s *sorter) mergeAll(name string) error {
	for round := 0; len(s.pieces) > fanIn; round++ {
		merged := filepath.Join(s.dir, fmt.Sprint("merged", round))
		if err := s.merge(s.pieces[:fanIn], merged, func(int) {}); err != nil {
			return err
		}
		for _, name := range s.pieces[:fanIn] {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
		s.pieces = append(s.pieces[fanIn:], merged)
	}
	return s.merge(s.pieces, name, func(done int) {
		if done%s.size == 0 {
			bar(s.total+done, 2*s.total)
		}
	})
}

// merge merges some pieces into one file. progress is told how many numbers are done.
func (s *sorter) merge(names []string, to string, progress func(done int)) error {
	var pieces []piece // the one with the smallest number first
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if pieces, err = insert(pieces, piece{r: bufio.NewReader(f)}); err != nil {
			return err
		}
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for done := 1; len(pieces) > 0; done++ {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], pieces[0].first)
		w.Write(b[:]) // an error stays until Flush
		if pieces, err = insert(pieces[1:], pieces[0]); err != nil {
			return err
		}
		progress(done)
	}
	return w.Flush()
}

// insert puts a piece to where its next number belongs, if it has another one.
func insert(pieces []piece, p piece) ([]piece, error) {
	var b [8]byte
	if _, err := io.ReadFull(p.r, b[:]); err == io.EOF {
		return pieces, nil
	} else if err != nil {
		return nil, err
	}
	p.first = binary.LittleEndian.Uint64(b[:])
	i := 0
	for i < len(pieces) && pieces[i].first < p.first {
		i++
	}
	return slices.Insert(pieces, i, p), nil
}

// read fills numbers from r, and returns what there was.
func read(r io.Reader, numbers []uint64) ([]uint64, error) {
	var b [8]byte
	for i := range numbers {
		if _, err := io.ReadFull(r, b[:]); err == io.EOF {
			return numbers[:i], nil
		} else if err != nil {
			return nil, err
		}
		numbers[i] = binary.LittleEndian.Uint64(b[:])
	}
	return numbers, nil
}

// write writes numbers to a new file.
func write(name string, numbers []uint64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	var b [8]byte
	for _, n := range numbers {
		binary.LittleEndian.PutUint64(b[:], n)
		w.Write(b[:]) // an error stays until Flush
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// bar draws a progress bar on standard error, if that is a terminal.
func bar(done, total int) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	const width = 40
	fmt.Fprintf(os.Stderr, "\r[%-*s]", width, strings.Repeat("=", width*done/max(total, 1)))
	if done == total {
		fmt.Fprint(os.Stderr, "\r\x1b[K") // erases it
	}
}
