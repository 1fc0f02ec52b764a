package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/runq-go/runq"
)

// An implementation does a whole job and returns when nothing of it is running anymore. Problems with
// single files are the job's to record; the error is for what ended the whole, such as ctx. The counters
// are nil for those that have no scheduler of their own.
type implementation struct {
	name  string // on the command line
	title string // in the table
	run   func(ctx context.Context, j *job) (*counters, error)
}

var implementations = []implementation{
	{"runq", "runq", checksumRunq},
	{"goroutines", "goroutine per file", checksumGoroutines},
	{"pooled", "goroutine per file, pooled", checksumPooled},
	{"errgroup", "errgroup, limit GOMAXPROCS", checksumErrgroup},
}

// counters are the numbers of a scheduler that tell how it did the job.
type counters struct {
	Steals, Parks, Retakes, Handoffs, Blocks, Overruns uint64
}

const (
	// chunkSize is how much is read at a time: most files of a source tree in one piece, and so in one
	// call of Block, while hashing a chunk stays far below a time slice.
	chunkSize = 128 << 10
	// filesPerProc bounds the files that are open, and so the chunks that are in memory, for each P: one
	// is being hashed, the others may wait for the disk.
	filesPerProc = 8
)

// checksumRunq: a task for each folder, a task for each file. A task that has not started is a closure in
// a queue, so the whole tree may be queued; the group's limit bounds those that have a chunk.
func checksumRunq(ctx context.Context, j *job) (*counters, error) {
	s, err := runq.New(runq.Config{})
	if err != nil {
		return nil, err
	}
	err = s.Run(ctx, func(t *runq.Task) error {
		g, _ := runq.NewGroup(t.Context(), s)
		g.SetLimit(filesPerProc * s.Procs())
		w := &runqWalk{job: j, group: g}
		g.Go(func(t *runq.Task) error { return w.folder(t, j.walkRoot()) })
		return g.Wait(t)
	})
	stats := s.Stats()
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return &counters{
		Steals:   stats.Steals,
		Parks:    stats.Parks,
		Retakes:  stats.RetakesBlocked,
		Handoffs: stats.Handoffs,
		Blocks:   stats.Blocks,
		Overruns: stats.Overruns,
	}, ctx.Err()
}

type runqWalk struct {
	*job
	group *runq.Group
	pool  hasherPool // never more in it than the group's limit
}

// folder spawns a task for each entry of a folder.
func (w *runqWalk) folder(t *runq.Task, dir string) error {
	if err := t.Context().Err(); err != nil {
		return err
	}
	var dirs, files []string
	t.Block(func() { dirs, files = w.list(dir) })
	for _, path := range dirs {
		w.group.Go(func(t *runq.Task) error { return w.folder(t, path) })
	}
	for _, path := range files {
		w.group.Go(func(t *runq.Task) error { return w.file(t, path) })
	}
	return nil
}

// file sums one file: reads a chunk as a blocking call, hashes it as ordinary work.
func (w *runqWalk) file(t *runq.Task, path string) error {
	ctx := t.Context()
	f := w.pool.get(w.job, path)
	defer w.pool.put(f)
	for f.err == nil && ctx.Err() == nil {
		t.Block(f.read)
		f.hash.Write(f.buf[:f.n])
		t.Checkpoint()
	}
	f.finish()
	return ctx.Err()
}

// A fileHasher is what one file in work needs; it is used again for the next.
type fileHasher struct {
	job  *job
	buf  []byte
	hash hash.Hash
	read func() // nextChunk, bound once: no allocation for each call of Block

	path string
	file io.ReadCloser // nil: not open
	n    int           // bytes of the chunk
	size int64         // bytes so far
	err  error         // io.EOF at the end
}

// A hasherPool keeps fileHashers that have nothing to do.
type hasherPool struct{ pool sync.Pool }

// get returns a hasher set to the begin of the file at path. Its chunk is yet to be read.
func (p *hasherPool) get(j *job, path string) *fileHasher {
	f, _ := p.pool.Get().(*fileHasher)
	if f == nil {
		f = &fileHasher{buf: make([]byte, chunkSize), hash: sha256.New()}
		f.read = f.nextChunk
	}
	f.job, f.path, f.file, f.n, f.size, f.err = j, path, nil, 0, 0, nil
	f.hash.Reset()
	return f
}

func (p *hasherPool) put(f *fileHasher) { p.pool.Put(f) }

// nextChunk fills the buffer. It opens the file first where needed and closes it at its end, so that a
// file of one chunk costs one blocking call.
func (f *fileHasher) nextChunk() {
	f.n = 0
	if f.file == nil {
		file, err := f.job.open(f.path)
		if err != nil {
			f.err = err
			return
		}
		f.file = file
	}
	f.n, f.err = io.ReadFull(f.file, f.buf)
	f.size += int64(f.n)
	if errors.Is(f.err, io.ErrUnexpectedEOF) {
		f.err = io.EOF
	}
	if f.err != nil {
		f.close()
	}
}

func (f *fileHasher) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// finish records the sum, or the failure. A file that was given up halfway has neither.
func (f *fileHasher) finish() {
	switch {
	case f.err == nil:
		f.close()
	case !errors.Is(f.err, io.EOF):
		f.job.failed(f.path, f.err)
	default:
		var sum [sha256.Size]byte
		f.hash.Sum(sum[:0])
		f.job.hashed(f.path, sum, f.size)
	}
}

// checksumGoroutines is what most Go programs would do: filepath.WalkDir, a goroutine for each file,
// io.Copy into the hash. Go's scheduler is what bounds the memory here, or doesn't.
func checksumGoroutines(ctx context.Context, j *job) (*counters, error) {
	var wg sync.WaitGroup
	err := walk(ctx, j, func(path string) {
		wg.Go(func() { sumFile(ctx, j, path) })
	})
	wg.Wait()
	return nil, errors.Join(err, ctx.Err())
}

// checksumPooled is checksumGoroutines with the reading and hashing of checksumRunq: what is left between
// this one and runq comes from the scheduler and the walk, not from the buffers.
func checksumPooled(ctx context.Context, j *job) (*counters, error) {
	var wg sync.WaitGroup
	var pool hasherPool
	err := walk(ctx, j, func(path string) {
		wg.Go(func() {
			f := pool.get(j, path)
			defer pool.put(f)
			for f.err == nil && ctx.Err() == nil {
				f.nextChunk()
				f.hash.Write(f.buf[:f.n])
			}
			f.finish()
		})
	})
	wg.Wait()
	return nil, errors.Join(err, ctx.Err())
}

// checksumErrgroup is the usual way to bound the above: golang.org/x/sync/errgroup, as many files at a
// time as there are Ps. The walk waits whenever that many are in work.
func checksumErrgroup(ctx context.Context, j *job) (*counters, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	err := walk(ctx, j, func(path string) {
		g.Go(func() error { sumFile(ctx, j, path); return nil })
	})
	// The context that Wait cancels is the group's own: ask for the error before.
	err = errors.Join(err, ctx.Err())
	return nil, errors.Join(err, g.Wait())
}

// walk calls visit for every file of the job, one after the other.
func walk(ctx context.Context, j *job, visit func(path string)) error {
	return filepath.WalkDir(j.walkRoot(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			j.failed(path, err)
			return nil // the rest goes on
		}
		if j.wanted(path, d) {
			visit(path)
		}
		return ctx.Err()
	})
}

// sumFile sums one file as the documentation of crypto/sha256 shows it.
func sumFile(ctx context.Context, j *job, path string) {
	if ctx.Err() != nil {
		return
	}
	f, err := j.open(path)
	if err != nil {
		j.failed(path, err)
		return
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		j.failed(path, err)
		return
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	j.hashed(path, sum, n)
}
