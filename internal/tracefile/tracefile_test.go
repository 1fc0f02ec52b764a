package tracefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/runq-go/runq/event"
)

// write returns a file with the events.
func write(t testing.TB, symbols *event.Symbols, events []event.Event) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, Header{Info: event.Info{Name: "a test", Sort: "runq", Blind: event.BlindKernel, Mono: 7}, Whole: true}, symbols)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(events); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n, size := w.Written(); n != uint64(len(events)) || size != uint64(file.Len()) {
		t.Errorf("%d events in %d bytes were written, says the Writer; it was %d in %d", n, size, len(events), file.Len())
	}
	return file.Bytes()
}

// readAll returns the events of a file, and the error that it ended with: nil at its end.
func readAll(in io.Reader, size int) (r *Reader, events []event.Event, err error) {
	r, err = NewReader(in)
	if err != nil {
		return nil, nil, err
	}
	buf := make([]event.Event, size)
	for {
		n, err := r.Read(buf)
		events = append(events, buf[:n]...)
		if err == io.EOF {
			return r, events, nil
		}
		if err != nil {
			return r, events, err
		}
	}
}

// random makes n events of all kinds, some of which resemble those before.
func random(rnd *rand.Rand, n int) []event.Event {
	number := func() uint64 { return rnd.Uint64() >> rnd.IntN(64) }
	events := make([]event.Event, 0, n)
	var e event.Event
	for range n {
		if rnd.IntN(4) != 0 {
			e.Time += rnd.Int64N(1000) - 100
		} else if rnd.IntN(50) == 0 {
			e.Time = int64(rnd.Uint64())
		}
		e.Kind = event.Kind(rnd.IntN(len(event.Specs)-1) + 1)
		e.Reason = event.Reason(rnd.IntN(knownReasons()))
		e.Coarse = rnd.IntN(2) == 0
		if rnd.IntN(3) == 0 {
			e.P, e.M = event.PID(rnd.IntN(3)-1), event.MID(rnd.IntN(3)-1)
		} else if rnd.IntN(50) == 0 {
			e.P, e.M = event.PID(rnd.Uint32()), event.MID(rnd.Uint32())
		}
		switch rnd.IntN(6) {
		case 0:
			e.Task++
		case 1:
			e.Task = event.TaskID(number())
		case 2:
			e.Task = event.TaskID(rnd.IntN(5))
		}
		switch rnd.IntN(4) {
		case 0:
			e.Seq++
		case 1:
			e.Seq = uint32(number())
		}
		e.Arg = 0
		if rnd.IntN(3) == 0 {
			e.Arg = number() >> rnd.IntN(64)
		}
		if argIsString(e.Kind) {
			e.Arg = 0
		}
		events = append(events, e)
	}
	return events
}

func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 63, 64, 65, 1000, 3 * blockEvents} {
		want := random(rnd, n)
		if n > 2 {
			want[0].Time, want[1].Time, want[2].Time = math.MinInt64, math.MaxInt64, 0
			want[1].Task, want[1].Seq, want[1].P, want[1].M = math.MaxUint64, math.MaxUint32, math.MaxInt32, math.MinInt32
		}
		file := write(t, nil, want)
		r, got, err := readAll(bytes.NewReader(file), 1+rnd.IntN(1000))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d events written, %d read, and they aren't the same", len(want), len(got))
		}
		h := r.Header()
		if h.Info != (event.Info{Name: "a test", Sort: "runq", Blind: event.BlindKernel, Mono: 7}) || !h.Whole {
			t.Errorf("the header is %+v", h)
		}
		if r.Offset() != int64(len(file)) {
			t.Errorf("%d bytes of %d were read", r.Offset(), len(file))
		}
	}
}

// TestBlockEnds: many alike events, and a run that fills the dictionary of triples.
func TestBlockEnds(t *testing.T) {
	var want []event.Event
	for i := range 3 * blockEvents {
		want = append(want, event.Event{Kind: event.KindStopBegin, Arg: 1, Time: int64(i)})
	}
	for k := range event.Specs {
		for r := range knownReasons() {
			if k != 0 && !argIsString(event.Kind(k)) {
				want = append(want, event.Event{Kind: event.Kind(k), Reason: event.Reason(r)})
			}
		}
	}
	_, got, err := readAll(iotest.HalfReader(bytes.NewReader(write(t, nil, want))), 512)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%d events of %d, or others; %v", len(got), len(want), err)
	}
}

// symbolic returns events that name strings and stacks, which another Symbols has had
// others before.
func symbolic() (*event.Symbols, []event.Event) {
	s := new(event.Symbols)
	events := []event.Event{{Time: 1, Kind: event.KindRegionBegin, Task: 1, Arg: uint64(s.Intern("a region"))}}
	for i := range 300 {
		f := event.Frame{Func: "main.f" + strings.Repeat("x", i), File: "/src/main.go", Line: i + 1}
		events = append(events, event.Event{
			Time: 2, Kind: event.KindTaskCreated, Task: event.TaskID(i + 1), Seq: 1,
			Stack: s.InternStack([]event.Frame{f}), By: s.InternStack([]event.Frame{{Func: "main.inner"}, f}),
		})
	}
	return s, events
}

func TestSymbols(t *testing.T) {
	s, want := symbolic()
	long := strings.Repeat("l", 2*MaxString)
	deep := make([]event.Frame, MaxFrames+10)
	for i := range deep {
		deep[i] = event.Frame{Func: "main.deep", Line: i + 1}
	}
	want = append(want,
		event.Event{Time: 3, Kind: event.KindStopAsked, Arg: uint64(s.Intern(long))},
		event.Event{Time: 3, Kind: event.KindTaskCreated, Task: 1, Seq: 1, Stack: s.InternStack(deep)})
	r, got, err := readAll(bytes.NewReader(write(t, s, want)), 512)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d events of %d; %v", len(got), len(want), err)
	}
	text := r.Symbols()
	for i := range got[:len(got)-2] {
		if g, w := text.Frames(nil, got[i].By), s.Frames(nil, want[i].By); !slices.Equal(g, w) {
			t.Errorf("event %d is by %v, not %v", i, g, w)
		}
		if g, w := text.Frames(nil, got[i].Stack), s.Frames(nil, want[i].Stack); !slices.Equal(g, w) {
			t.Errorf("event %d is of %v, not %v", i, g, w)
		}
	}
	if name := text.String(event.StringID(got[0].Arg)); name != "a region" {
		t.Errorf("the region is called %q", name)
	}
	last := got[len(got)-2:]
	if why := text.String(event.StringID(last[0].Arg)); why != long[:MaxString] {
		t.Errorf("a long string has %d bytes", len(why))
	}
	if frames := text.Frames(nil, last[1].Stack); !slices.Equal(frames, deep[10:]) {
		t.Errorf("a deep stack has %d frames", len(frames))
	}
}

// TestFlush: what is flushed can be read before the recording ends.
func TestFlush(t *testing.T) {
	s, want := symbolic()
	var file bytes.Buffer
	w, err := NewWriter(&file, Header{}, s)
	for i := 0; err == nil && i < len(want); i += 50 {
		w.Write(want[i:min(i+50, len(want))])
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, got, err := readAll(bytes.NewReader(file.Bytes()), 512)
	var f *Fault
	if !errors.As(err, &f) || !errors.Is(err, io.ErrUnexpectedEOF) || f.Byte != int64(file.Len()) {
		t.Errorf("a file without an end of %d bytes ends with %v", file.Len(), err)
	}
	if len(got) != len(want) || r.Symbols().String(r.Symbols().Root(got[9].Stack)) != "main.fxxxxxxxx" {
		t.Errorf("%d events of %d", len(got), len(want))
	}
}

// TestTruncated: of a file that is cut off there are the events of the whole blocks, and
// an error that says where the one begins that isn't whole.
func TestTruncated(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	want := random(rnd, 5000)
	for i := range want {
		want[i].Kind, want[i].Reason = event.KindTaskReadied, event.ReasonWakeTask // so that blocks aren't ended by the number of triples
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, Header{}, nil)
	ends := []int{file.Len()} // of blocks
	for i := 0; err == nil && i < len(want); i += 1000 {
		w.Write(want[i:][:1000])
		err = w.Flush()
		ends = append(ends, file.Len())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < file.Len(); cut += 1 + rnd.IntN(40) {
		_, got, err := readAll(bytes.NewReader(file.Bytes()[:cut]), 512)
		if err == nil {
			t.Fatalf("cut off at %d of %d nothing is wrong", cut, file.Len())
		}
		if cut < ends[0] {
			continue // no header
		}
		whole, _ := slices.BinarySearch(ends, cut+1)
		whole--
		var f *Fault
		if !errors.As(err, &f) || f.Byte != int64(ends[whole]) || !errors.Is(err, io.ErrUnexpectedEOF) || f.Events != uint64(whole*1000) {
			t.Fatalf("cut off at %d, after %d blocks up to %d: %v", cut, whole, ends[whole], err)
		}
		if !slices.Equal(got, want[:whole*1000]) {
			t.Fatalf("cut off at %d there are %d events, not those of %d blocks", cut, len(got), whole)
		}
	}
}

// TestFlipped: no bit can be wrong without being noticed, but those of the first line.
func TestFlipped(t *testing.T) {
	s, events := symbolic()
	file := write(t, s, events)
	for i := range file {
		bad := slices.Clone(file)
		bad[i] ^= 1 << (i % 8)
		if _, _, err := readAll(bytes.NewReader(bad), 512); err == nil {
			t.Fatalf("bit %d of byte %d is wrong, and nobody has noticed", i%8, i)
		}
	}
}

func TestMagic(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "no runq trace",
		"runq trace":                "no runq trace",
		"go 1.26 trace\x00\x00\x00": "begins with \"go 1.26 trace",
		"runq trace 0002\n":         "version 2",
		"runq trace abcd\n":         "without a version",
		"runq trace 0001\n":         "no end",
	} {
		if _, err := NewReader(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, without %q", text, err, want)
		}
	}
	if _, err := NewReader(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error of a reader that fails is %v", err)
	}
	line := []byte("runq trace 0001\n")
	block, _ := appendBlock(slices.Clone(line), nil, sortEvents, []byte{1})
	if _, err := NewReader(bytes.NewReader(block)); err == nil || !strings.Contains(err.Error(), "\"events\", not the header") {
		t.Errorf("the error of a file without header is %v", err)
	}
}

// TestUnknown: what a later version has added is skipped, or becomes what comes nearest.
func TestUnknown(t *testing.T) {
	head := (&Header{}).append(nil)
	// The names of one kind of each sort, and of a reason, become new ones.
	for _, name := range []string{"StopBegin", "TaskYielded", "WaitRLock"} {
		at := bytes.Index(head, append([]byte{byte(len(name))}, name...))
		head[at+1] = '?'
	}
	file := []byte("runq trace 0001\n")
	file, _ = appendBlock(file, nil, sortHeader, head)
	file, _ = appendBlock(file, nil, sort(99), []byte("something new"))
	var e Encoder
	e.Add([]event.Event{
		{Time: 1, Kind: event.KindTaskParked, Reason: event.ReasonWaitRLock, Task: 1, Seq: 3},
		{Time: 2, Kind: event.KindStopBegin, Arg: 5},
		{Time: 3, Kind: event.KindTaskYielded, Task: 2, Seq: 4},
		{Time: 4, Kind: event.KindStopEnd},
	})
	file = AppendEnd(e.AppendBlock(file), 4)
	_, got, err := readAll(bytes.NewReader(file), 512)
	want := []event.Event{
		{Time: 1, Kind: event.KindTaskParked, Reason: event.ReasonWaitUnknown, Task: 1, Seq: 3},
		{Time: 3, Kind: event.KindLost, Task: 2, Arg: 1, P: event.NoP, M: event.NoM},
		{Time: 4, Kind: event.KindStopEnd},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the events are %v, %v", got, err)
	}
	for _, c := range []event.ReasonClass{event.ClassWait, event.ClassWake, event.ClassYield, event.ClassRetake, event.ClassHandoff, event.ClassEnd, event.ClassShare, event.ClassHold} {
		if r := nearest(c); r.Class() != c {
			t.Errorf("%v is for the class %d, and has the class %d", r, c, r.Class())
		}
	}
}

// TestLies: contents that are broken behind a right checksum.
func TestLies(t *testing.T) {
	head := AppendHeader(nil, Header{})
	u := binary.AppendUvarint
	for name, block := range map[string]struct {
		of      sort
		content []byte
		want    string
	}{
		"no content":      {sortEvents, nil, "beginning of an events block"},
		"too many":        {sortEvents, u(nil, 1<<40), "beginning of an events block"},
		"no columns":      {sortEvents, []byte{1, 0, 1, 1, 0, 0, 0, 0}, "beginning of an events block"},
		"no triple":       {sortEvents, []byte{1, 0, 0, 0, 1, 1, 0}, "beginning of an events block"},
		"no time":         {sortEvents, []byte{1, 0, 1, byte(event.KindStopEnd), 0, time1, 0, 1, 1, 0}, "column 1"},
		"no place":        {sortEvents, []byte{1, 0, 1, byte(event.KindStopEnd), 0, 0x80, 4, 0, 5, 1, 0, 0, 0, 0, 1, 9}, "column 4"},
		"strings ahead":   {sortSymbols, []byte{5, 1, 1, 'a', 0, 0}, "from number 6 on follow 0"},
		"string missing":  {sortSymbols, []byte{0, 1, 9, 'a'}, "string 1 is broken"},
		"stacks ahead":    {sortSymbols, []byte{0, 0, 5, 1, 0}, "from number 6 on follow 0"},
		"frame missing":   {sortSymbols, []byte{0, 0, 0, 1, 5}, "stack 1 is broken"},
		"symbols missing": {sortSymbols, nil, "symbols is broken"},
	} {
		file, _ := appendBlock(slices.Clone(head), nil, block.of, block.content)
		_, _, err := readAll(bytes.NewReader(file), 512)
		if err == nil || !strings.Contains(err.Error(), block.want) {
			t.Errorf("%s: the error is %v, without %q", name, err, block.want)
		}
	}
	for name, content := range map[string][]byte{"nothing": nil, "half": (&Header{}).append(nil)[:900]} {
		file, _ := appendBlock([]byte("runq trace 0001\n"), nil, sortHeader, content)
		if _, err := NewReader(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "tables") {
			t.Errorf("a header with %s: %v", name, err)
		}
	}
}

// failing fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(b []byte) (int, error) {
	if len(b) > f.left {
		n := f.left
		f.left = 0
		return n, io.ErrShortWrite
	}
	f.left -= len(b)
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	if _, err := NewWriter(&failing{}, Header{}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("the header's error is %v", err)
	}
	w, err := NewWriter(&failing{left: 20 << 10}, Header{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	events := random(rand.New(rand.NewPCG(5, 6)), 100_000)
	if err := w.Write(events); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("the error of Write is %v", err)
	}
	for what, err := range map[string]error{"Write": w.Write(events), "Flush": w.Flush(), "Close": w.Close()} {
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("after an error, that of %s is %v", what, err)
		}
	}
}

// TestArgIsString compares argIsString with what the kinds say about themselves.
func TestArgIsString(t *testing.T) {
	for k := range event.Specs {
		if says := strings.Contains(event.Specs[k].Arg, "StringID"); says != argIsString(event.Kind(k)) {
			t.Errorf("%v: its Arg is %q", event.Kind(k), event.Specs[k].Arg)
		}
	}
}
