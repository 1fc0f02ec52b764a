// Command wordcount counts the words in a tree of files: a parallel Reduce, whose leaves
// count the words of some files and whose combine adds up two counts. Reading a file is a
// blocking call, so that the P goes on with others meanwhile.
//
// The tree is the current folder, or the one named as argument. The
// program counts serially, too, and compares.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/runq-go/runq"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	files, err := list(root)
	if err != nil {
		log.Fatal(err)
	}

	counts, err := parallel(files)
	if err != nil {
		log.Fatal(err)
	}
	want := make(counter)
	for _, name := range files {
		want.count(nil, name)
	}
	fmt.Println("the same as serially:", maps.Equal(counts, want))

	type word struct {
		text string
		n    int
	}
	var words []word
	for text, n := range counts {
		words = append(words, word{text, n})
	}
	runq.SortFunc(nil, words, func(a, b word) int {
		return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.text, b.text))
	})
	for _, w := range words[:min(10, len(words))] {
		fmt.Fprintln(os.Stderr, w.n, w.text)
	}

	// Output:
	// the same as serially: true
}

// list returns the Go files below root.
func list(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Ext(name) == ".go" {
			files = append(files, name)
		}
		return err
	})
	return files, err
}

// counter is how often each word occurs.
type counter map[string]int

// count adds the words of a file. What can't be read is left out.
func (c counter) count(t *runq.Task, name string) {
	var text []byte
	var err error
	read := func() { text, err = os.ReadFile(name) }
	if t == nil {
		read()
	} else {
		t.Block(read)
	}
	if err != nil {
		log.Print(err)
		return
	}
	for word := range bytes.FieldsFuncSeq(text, isSpace) {
		c[string(word)]++
	}
}

// isSpace tells whether r separates words: whatever isn't a letter.
func isSpace(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// parallel counts the words of all files.
func parallel(files []string) (counter, error) {
	return runq.Reduce(nil, len(files),
		func(t *runq.Task, lo, hi int) counter {
			c := make(counter)
			for _, name := range files[lo:hi] {
				c.count(t, name)
			}
			return c
		},
		func(a, b counter) counter {
			if len(a) < len(b) {
				a, b = b, a
			}
			for word, n := range b {
				a[word] += n
			}
			return a
		},
		runq.Progress(bar))
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
