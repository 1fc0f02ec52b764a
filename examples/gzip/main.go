// Command gzip compresses a stream on all Ps. A gzip file may consist of several
// members, one after the other, so blocks of the stream can be compressed independently.
// One task reads and writes, in the stream's order; while some blocks are compressed, by
// a parallel Each, the next ones are read.
//
// With -file it compresses that to standard output. Without, it compresses a text of its
// own, does it again serially, and compares.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/runq-go/runq"
)

const (
	blockSize = 128 << 10 // large enough to cost no more than one per cent of the size
	batch     = 16        // blocks in memory at a time, and again while the next are read
)

func main() {
	name := flag.String("file", "", "`file` to compress to standard output")
	flag.Parse()
	if *name != "" {
		f, err := os.Open(*name)
		if err != nil {
			log.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			log.Fatal(err)
		}
		if err := parallel(os.Stdout, f, int(info.Size())); err != nil {
			log.Fatal(err)
		}
		return
	}

	text := sample(8 << 20)
	var got, want, back bytes.Buffer
	if err := parallel(&got, bytes.NewReader(text), len(text)); err != nil {
		log.Fatal(err)
	}
	if err := serial(&want, bytes.NewReader(text)); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same as serially:", bytes.Equal(got.Bytes(), want.Bytes()))
	r, err := gzip.NewReader(&got)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(&back, r); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the text comes back:", bytes.Equal(back.Bytes(), text))

	// Output:
	// the same as serially: true
	// the text comes back: true
}

// block is a piece of the stream, and what it is compressed to.
type block struct {
	plain  []byte
	packed bytes.Buffer
	zip    *gzip.Writer
}

// read reads the next block. It returns false at the stream's end.
func (b *block) read(r io.Reader) (bool, error) {
	if b.zip == nil {
		b.plain = make([]byte, blockSize)
		b.zip = gzip.NewWriter(nil)
	}
	n, err := io.ReadFull(r, b.plain[:blockSize])
	b.plain = b.plain[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n > 0, err
}

// pack compresses the block. Writing to memory doesn't fail.
func (b *block) pack() {
	b.packed.Reset()
	b.zip.Reset(&b.packed)
	b.zip.Write(b.plain)
	b.zip.Close()
}

// serial compresses r to w, a block after the other.
func serial(w io.Writer, r io.Reader) error {
	var b block
	for i := 0; ; i++ {
		more, err := b.read(r)
		if !more && i > 0 || err != nil { // an empty stream is an empty block
			return err
		}
		b.pack()
		if _, err := w.Write(b.packed.Bytes()); err != nil {
			return err
		}
	}
}

// parallel compresses r, which has about total bytes, to w.
func parallel(w io.Writer, r io.Reader, total int) error {
	return runq.Default().Run(nil, func(t *runq.Task) error {
		now, next := new([batch]block), new([batch]block)
		n, err := readBatch(t, r, now)
		if n == 0 && err == nil {
			n = 1 // an empty stream is an empty block
		}
		for done := 0; n > 0 && err == nil; {
			var more int
			runq.Invoke(t,
				func(t *runq.Task) { more, err = readBatch(t, r, next) },
				func(t *runq.Task) { runq.Each(t, now[:n], func(_ *runq.Task, b *block) { b.pack() }) },
			)
			for i := range now[:n] {
				done += len(now[i].plain)
				if _, err := w.Write(now[i].packed.Bytes()); err != nil {
					return err
				}
			}
			bar(done, total)
			now, next, n = next, now, more
		}
		return err
	})
}

// readBatch reads up to batch blocks, as a blocking call, and tells how many.
func readBatch(t *runq.Task, r io.Reader, blocks *[batch]block) (n int, err error) {
	t.Block(func() {
		for more := true; n < batch; n++ {
			if more, err = blocks[n].read(r); !more || err != nil {
				return
			}
		}
	})
	return n, err
}

// bar draws a progress bar on standard error, if that is a terminal.
func bar(done, total int) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	const width = 40
	fmt.Fprintf(os.Stderr, "\r[%-*s]", width, strings.Repeat("=", width*min(done, total)/max(total, 1)))
	if done >= total {
		fmt.Fprint(os.Stderr, "\r\x1b[K") // erases it
	}
}

// sample makes a text that compresses about as well as prose.
func sample(n int) []byte {
	words := strings.Fields("a scheduler runs what is ready on whatever has nothing else to do and knows no more of it")
	text := make([]byte, 0, n+20)
	for x := uint64(1); len(text) < n; {
		x = x*6364136223846793005 + 1442695040888963407
		text = append(append(text, words[x>>40%uint64(len(words))]...), ' ')
	}
	return text[:n]
}
