package linear

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// operation is a call of a method, with its arguments and, when it has returned, its
// results. String tells both.
type operation interface {
	fmt.Stringer
	waits() bool // it may wait: it has two moments
}

// record is an operation in a history.
type record struct {
	op        operation
	client    int
	task      bool
	call, ret int64        // stamps
	seen      atomic.Int64 // a stamp of after it was seen waiting; 0: it wasn't
}

// half says which of its moments an operation has.
type half uint8

const (
	whole half = iota // of one that can't wait: the only one
	begin             // it is done or joins the queue
	end               // it has been done or gives up
)

// moment is what porcupine orders.
type moment struct {
	id   int // of the operation: its index in the history
	half half
}

// spec says what an object does. Its states must be comparable.
type spec struct {
	start any

	// step returns the state after a moment of an operation, whose results are known
	// already, and false if they can't have come about.
	step func(state any, id int, h half) (any, bool)
}

// history is what a number of clients did.
type history struct {
	clock   atomic.Int64
	used    atomic.Int64 // records
	records []record
}

// maxRecords bounds a history, with what is added by who helps: far more than clients do.
const maxRecords = 4096

func newHistory() *history { return &history{records: make([]record, maxRecords)} }

// stamp returns a moment that is later than all stamps of before.
func (h *history) stamp() int64 { return h.clock.Add(1) }

// all returns the records, when all clients have ended.
func (h *history) all() []record { return h.records[:h.used.Load()] }

// waitsSeen returns how many operations have been seen waiting.
func (h *history) waitsSeen() (n int) {
	for id := range h.all() {
		if h.records[id].seen.Load() != 0 {
			n++
		}
	}
	return n
}

// operations returns the history as porcupine wants it.
func (h *history) operations() (ops []porcupine.Operation) {
	for id := range h.all() {
		r := &h.records[id]
		o := porcupine.Operation{ClientId: r.client, Input: moment{id, whole}, Call: r.call, Return: r.ret}
		if !r.op.waits() {
			ops = append(ops, o)
			continue
		}
		o.Input = moment{id, end}
		ops = append(ops, o)
		o.Input = moment{id, begin}
		if seen := r.seen.Load(); seen != 0 {
			o.Return = min(seen, r.ret)
		}
		ops = append(ops, o)
	}
	return ops
}

// hashSeed is for all histories: equal states must have equal hashes.
var hashSeed = maphash.MakeSeed()

// model returns s as porcupine wants it.
func (h *history) model(s spec) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return s.start },
		Step: func(state, input, _ any) (bool, any) {
			m := input.(moment)
			next, ok := s.step(state, m.id, m.half)
			return ok, next
		},
		Hash: func(state any) uint64 { return maphash.Comparable(hashSeed, state) },
		DescribeOperation: func(input, _ any) string {
			m := input.(moment)
			return fmt.Sprintf("%d%s %v", m.id, [...]string{"", " begins", " ends"}[m.half], h.records[m.id].op)
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
}

// checkLimit is how long the check of one history may take, which takes milliseconds.
// One that takes longer is no result, but says that the histories are too big.
const checkLimit = time.Minute

func (h *history) check(s spec) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(h.model(s), h.operations(), checkLimit)
}

// draw writes porcupine's picture of the history to a file and returns its name.
func (h *history) draw(t *testing.T, s spec) string {
	t.Helper()
	model := h.model(s)
	_, info := porcupine.CheckOperationsVerbose(model, h.operations(), checkLimit)
	name := filepath.Join(t.ArtifactDir(), "history.html")
	if err := porcupine.VisualizePath(model, info, name); err != nil {
		t.Errorf("no picture: %v", err)
	}
	return name
}

// String lists the operations in the order of their calls.
func (h *history) String() string {
	var order []*record
	for id := range h.all() {
		order = append(order, &h.records[id])
	}
	slices.SortFunc(order, func(a, b *record) int { return cmp.Compare(a.call, b.call) })
	var b strings.Builder
	for _, r := range order {
		who := "goroutine"
		if r.task {
			who = "task"
		}
		seen := ""
		if at := r.seen.Load(); at != 0 {
			seen = fmt.Sprintf(", seen waiting before %d", at)
		}
		fmt.Fprintf(&b, "%5d..%-5d client %d, %-9s  %v%s\n", r.call, r.ret, r.client, who, r.op, seen)
	}
	return b.String()
}
