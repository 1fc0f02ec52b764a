package html

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
	"github.com/runq-go/runq/observe/gotrace"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// content is what is found in a page.
type content struct {
	texts []string
	count map[string]int // elements, by name; rectangles by "rect class", too
}

// check reads a page, which is well-formed, and has nothing in it that runs or comes from
// elsewhere.
func check(t *testing.T, data []byte) content {
	t.Helper()
	c := content{count: make(map[string]int)}
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return c
		}
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		switch x := token.(type) {
		case xml.CharData:
			c.texts = append(c.texts, string(x))
		case xml.StartElement:
			c.element(t, x)
		}
	}
}

func (c *content) element(t *testing.T, x xml.StartElement) {
	t.Helper()
	name := x.Name.Local
	c.count[name]++
	switch name {
	case "script", "link", "img", "iframe", "object", "image", "use", "a":
		t.Errorf("there is a <%s>", name)
	}
	for _, a := range x.Attr {
		switch a.Name.Local {
		case "class":
			c.count[name+" "+a.Value]++
		case "x", "y", "width", "height", "x1", "x2", "y1", "y2", "dx", "dy":
			if strings.ContainsAny(a.Value, "NI") || a.Name.Local == "width" && strings.HasPrefix(a.Value, "-") {
				t.Errorf("<%s> has %s=%q", name, a.Name.Local, a.Value)
			}
		case "src", "href", "style":
			t.Errorf("<%s> has %s=%q", name, a.Name.Local, a.Value)
		}
		if strings.HasPrefix(a.Name.Local, "on") {
			t.Errorf("<%s> has %s=%q", name, a.Name.Local, a.Value)
		}
	}
}

func (c *content) text() string { return strings.Join(c.texts, "") }

func write(t *testing.T, p *Pass) content {
	t.Helper()
	var out bytes.Buffer
	n, err := p.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatalf("%d of %d bytes: %v", n, out.Len(), err)
	}
	return check(t, out.Bytes())
}

// TestRecordings: the pages of all recordings are whole, say what the reports say, and
// their plots add up to the ledger.
func TestRecordings(t *testing.T) {
	names, err := filepath.Glob("../../analyze/testdata/*.trace")
	if err != nil || len(names) < 9 {
		t.Fatalf("there are %d recordings: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := gotrace.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			led, ver, cal := ledger.New(ledger.Options{}), verdict.New(), calls.New()
			p := New(Options{Title: name, Ledger: led, Verdicts: ver, Calls: cal})
			own := New(Options{Title: name})
			if err := analyze.Run(src, p, own, led, ver, cal); err != nil {
				t.Fatal(err)
			}
			c, text := write(t, p), ""
			if text = c.text(); text != func() string { c := write(t, own); return c.text() }() {
				t.Error("the page of passes that others run is another one")
			}
			parts := programParts(led.Report())
			if p.heat.total() != parts.Late() {
				t.Errorf("the heat map has %d in all, and the ledger %d", p.heat.total(), parts.Late())
			}
			for _, f := range ver.Report().Findings {
				if !strings.Contains(text, f.Culprit) || !strings.Contains(text, f.What) {
					t.Errorf("the page doesn't say %s: %s", f.Culprit, f.What)
				}
			}
			for _, s := range led.Report().Worst {
				if !strings.Contains(text, s.Text) {
					t.Errorf("the page doesn't tell %q", s.Text)
				}
			}
			if n := len(led.Report().Worst); c.count["rect before"] != n || c.count["rect bar"] == 0 || c.count["rect h8"] == 0 {
				t.Errorf("there are %d waits, and %v", n, c.count)
			}
		})
	}
}

// TestHostile: what a recording says is text, whatever it says.
func TestHostile(t *testing.T) {
	const evil = `"'><script>alert(1)</script><img src=x onerror=alert(1)> & 日本`
	symbols := new(event.Symbols)
	stack := symbols.InternStack([]event.Frame{{Func: evil, File: evil, Line: 1}})
	p := New(Options{})
	err := analyze.Run(event.NewList(event.Info{Name: evil}, symbols, []event.Event{
		{Kind: event.KindProcSeen, P: 0, M: 1},
		{Kind: event.KindTaskSeenRunning, Task: 1, Seq: 1, P: 0, M: 1, Stack: stack},
		{Time: 1e6, Kind: event.KindTaskCreated, Task: 2, Seq: 1, P: 0, M: 1, Stack: stack, By: stack, Arg: 1},
		{Time: 2e6, Kind: event.KindTaskBlocked, Task: 1, Seq: 2, P: 0, M: 1, Stack: stack},
		{Time: 3e6, Kind: event.KindTaskUnblocked, Task: 1, Seq: 3, P: 0, M: 1},
		{Time: 60e6, Kind: event.KindTaskYielded, Task: 1, Seq: 4, P: 0, M: 1, Reason: event.ReasonPreempted, Stack: stack},
		{Time: 60e6, Kind: event.KindTaskStarted, Task: 2, Seq: 2, P: 0, M: 1},
	}), p)
	if err != nil {
		t.Fatal(err)
	}
	c := write(t, p)
	if n := strings.Count(c.text(), evil); n < 5 {
		t.Errorf("it is said %d times", n)
	}
}

// TestAnything: whatever the events are, possible or not, there is a page, and its heat map
// adds up.
func TestAnything(t *testing.T) {
	symbols := new(event.Symbols)
	for _, name := range []string{"main.a", "runtime.b", "main._Cfunc_c"} {
		symbols.InternStack([]event.Frame{{Func: name}, {Func: name + "root"}})
	}
	kinds := 1
	for event.Kind(kinds+1).Spec() != event.KindNone.Spec() {
		kinds++
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var events []event.Event
		now := int64(0)
		for range 500 {
			now += r.Int64N(1e6) - 1e3
			events = append(events, event.Event{
				Time: now, Kind: event.Kind(r.IntN(kinds) + 1), Task: event.TaskID(r.IntN(6)), P: event.PID(r.IntN(4) - 1), M: event.MID(r.IntN(4) - 1),
				Stack: event.StackID(r.IntN(4)), By: event.StackID(r.IntN(4)), Arg: r.Uint64N(6),
			})
		}
		led := ledger.New(ledger.Options{})
		p := New(Options{Ledger: led})
		if err := analyze.Run(event.NewList(event.Info{}, symbols, events), led, p); err != nil {
			t.Fatal(err)
		}
		write(t, p)
		if parts := programParts(led.Report()); p.heat.total() != parts.Late() {
			t.Errorf("seed %d: the heat map has %d in all, and the ledger %d", seed, p.heat.total(), parts.Late())
		}
	}
}

// total adds up all cells.
func (h *heat) total() (sum int64) {
	for _, row := range h.rows {
		for _, ns := range row {
			sum += ns
		}
	}
	return sum
}

// TestNothing: a recording without events has a page, too.
func TestNothing(t *testing.T) {
	p := New(Options{})
	if _, err := p.WriteTo(io.Discard); !errors.Is(err, errUnread) {
		t.Errorf("before the reading: %v", err)
	}
	if err := analyze.Run(event.NewList(event.Info{Name: "none"}, nil, nil), p); err != nil {
		t.Fatal(err)
	}
	c := write(t, p)
	if !strings.Contains(c.text(), "Nothing stands out") {
		t.Error(c.text())
	}
}

// TestHeat: time is kept when the columns become wider.
func TestHeat(t *testing.T) {
	h := heat{width: firstWidth}
	h.add(0, 0, 100)
	h.add(event.NoP, firstWidth-1, 3*firstWidth+5)
	h.add(1<<20, 0, 7)
	h.add(0, 10*columns*firstWidth, 10*columns*firstWidth+1)
	far := heat{width: firstWidth}
	far.add(0, math.MaxInt64-10, math.MaxInt64)
	far.add(0, maxTime-10, math.MaxInt64)
	if far.rows[1][columns-1] != 10 {
		t.Errorf("far away: %v", far.rows[1])
	}
	if h.width != 16*firstWidth || h.rows[1][0] != 100 || h.rows[0][0] != 2*firstWidth+6 || h.rows[maxProcs][0] != 7 || h.rows[1][columns*10/16] != 1 {
		t.Errorf("columns of %d: %v", h.width, h.rows)
	}
	for v, want := range map[int64]int{0: 0, 1: 1, 100: 5, 256: 7, 500: 7, 501: 8, 1000: 8} {
		if got := level(v, 1000); got != want {
			t.Errorf("the shade of %d is %d, not %d", v, got, want)
		}
	}
}

// TestAxis: the marks of an axis are few, even of one that is as long as can be.
func TestAxis(t *testing.T) {
	for _, length := range []int64{0, 1, 7, 8, 999, 12345678, 1e9, 1 << 62, math.MaxInt64} {
		a := newAxis(length)
		if len(a.Ticks) < 1 || len(a.Ticks) > 10 {
			t.Errorf("%d has %v", length, a.Ticks)
		}
	}
	for i := range 100 {
		if b := bin(low(i)); b != i && low(i) > 16 {
			t.Errorf("bar %d begins at %d, which is in bar %d", i, low(i), b)
		}
	}
}
