package analyze_test

import (
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// books is a pass that keeps all waits and slices, and checks that the accounts are
// right: the parts of each wait are its length exactly, and what tasks are said to have
// held up others for is what the others have waited.
type books struct {
	analyze.Base
	t      testing.TB
	waits  []analyze.Wait
	slices []analyze.Slice
	world  *analyze.World
	bad    int
}

func (b *books) Slice(_ *analyze.World, s *analyze.Slice) { b.slices = append(b.slices, *s) }
func (b *books) End(w *analyze.World)                     { b.world = w }

func (b *books) Wait(_ *analyze.World, d *analyze.Wait) {
	b.waits = append(b.waits, *d)
	wrong := d.Parts.Total() != d.End-d.Began || d.Parts.Late() != d.Late() || d.Ready < d.Began || d.End < d.Ready
	for _, ns := range d.Parts {
		wrong = wrong || ns < 0
	}
	if wrong {
		if b.bad++; b.bad < 5 {
			b.t.Errorf("wait %d of %v: from %d to %d, ready at %d, but its parts are %v", d.Number, d.Task, d.Began, d.End, d.Ready, d.Parts)
		}
	}
}

// blame checks what the slices say against what the waits say: all waits and slices have
// been shown.
func (b *books) blame() {
	var held, behind int64
	for _, s := range b.slices {
		held += s.Waited
	}
	for _, d := range b.waits {
		if d.Queue != event.NoP {
			behind += d.Parts[analyze.PartBehind] + d.Parts[analyze.PartCall] + d.Parts[analyze.PartAssist]
		}
	}
	if held != behind {
		b.t.Errorf("tasks have held up others for %d ns, who have waited for them for %d", held, behind)
	}
}

// read runs passes over a text.
func read(t testing.TB, text string, passes ...analyze.Pass) *books {
	t.Helper()
	b := &books{t: t}
	if err := analyze.Run(eventtext.Source(t, text), append(passes, b)...); err != nil {
		t.Fatal(err)
	}
	return b
}
