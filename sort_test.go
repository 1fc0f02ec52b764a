package runq

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// sortSizes are lengths around those where sorting changes what it does.
var sortSizes = []int{0, 1, 2, 3, 20, 64, 65, sortAlone, sortAlone + 1, 5000, mergeLeaf, mergeLeaf + 1, 3*mergeLeaf + 7}

// orders are inputs that are hard, or easy, for some ways to sort.
var orders = map[string]func(i, n int) float64{
	"random":     func(int, int) float64 { return rand.Float64() },
	"sorted":     func(i, _ int) float64 { return float64(i) },
	"reversed":   func(i, _ int) float64 { return float64(-i) },
	"equal":      func(int, int) float64 { return 1 },
	"few":        func(int, int) float64 { return float64(rand.IntN(3)) },
	"organ pipe": func(i, n int) float64 { return float64(min(i, n-i)) },
	"saw":        func(i, _ int) float64 { return float64(i % 1000) },
	"turned":     func(i, n int) float64 { return float64((i + 1) % n) }, // the last belongs to the front
	"falling":    func(i, _ int) float64 { return float64(-i / 3) },
	"NaNs": func(int, int) float64 {
		if rand.IntN(5) == 0 {
			return math.NaN()
		}
		return rand.NormFloat64()
	},
	"signs": func(int, int) float64 {
		return []float64{math.Inf(-1), -1, math.Copysign(0, -1), 0, 1, math.Inf(1)}[rand.IntN(6)]
	},
}

func TestSort(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for name, order := range orders {
			for _, n := range sortSizes {
				s := make([]float64, n)
				for i := range s {
					s[i] = order(i, n)
				}
				byFunc := slices.Clone(s)
				want := slices.Clone(s)
				slices.Sort(want)
				Sort(tk, s)
				SortFunc(tk, byFunc, cmp.Compare[float64])
				same := func(a, b float64) bool { return cmp.Compare(a, b) == 0 }
				if !slices.EqualFunc(s, want, same) {
					t.Errorf("Sort: %s, %d elements: the result is wrong", name, n)
				}
				if !slices.EqualFunc(byFunc, want, same) {
					t.Errorf("SortFunc: %s, %d elements: the result is wrong", name, n)
				}
			}
		}
	})
}

// record is an element with a key and what tells it from others with the same key.
type record struct {
	key   float64
	first int
}

func byKey(a, b record) int { return cmp.Compare(a.key, b.key) }

func TestSortStableFunc(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for name, order := range orders {
			for _, n := range sortSizes {
				s := records(n, order)
				want := slices.Clone(s)
				slices.SortStableFunc(want, byKey)
				SortStableFunc(tk, s, byKey)
				if !slices.EqualFunc(s, want, func(a, b record) bool { return a.first == b.first }) {
					t.Errorf("%s, %d elements: the result is wrong", name, n)
				}
			}
		}
	})
}

func records(n int, order func(i, n int) float64) []record {
	s := make([]record, n)
	for i := range s {
		s[i] = record{order(i, n), i}
	}
	return s
}

// TestSameSort: where equal elements come to lie doesn't depend on the schedule.
func TestSameSort(t *testing.T) {
	in := records(100_000, orders["few"])
	var first []record
	for _, procs := range []int{1, 2, 4, 1, 2, 4} {
		s := openScheduler(t, Config{Procs: procs})
		runIn(t, s, func(tk *Task) {
			out := slices.Clone(in)
			SortFunc(tk, out, byKey)
			if first == nil {
				first = out
			}
			if !slices.Equal(out, first) {
				t.Errorf("procs %d: another result", procs)
			}
		})
	}
}

func TestSortStrings(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		s := make([]string, 30_000)
		for i := range s {
			b := make([]byte, rand.IntN(4))
			for j := range b {
				b[j] = byte('a' + rand.IntN(26))
			}
			s[i] = string(b)
		}
		want := slices.Clone(s)
		slices.Sort(want)
		Sort(tk, s)
		if !slices.Equal(s, want) {
			t.Error("the result is wrong")
		}
	})
}

func TestSortPanics(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		cause := errors.New("planted")
		for range 20 {
			var left atomic.Int64
			left.Store(rand.Int64N(100_000))
			s := records(10_000, orders["random"])
			got := recovered(func() {
				SortFunc(tk, s, func(a, b record) int {
					if left.Add(-1) == 0 {
						panic(cause)
					}
					return byKey(a, b)
				})
			})
			if err, ok := got.(error); !ok || !errors.Is(err, cause) {
				t.Fatalf("the panic was %v", got)
			}
		}
	})
}

// TestSortInconsistent: an order that is none is the caller's mistake; the result is
// the same elements.
func TestSortInconsistent(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		s := make([]int, 50_000)
		for i := range s {
			s[i] = i
		}
		SortFunc(tk, s, func(int, int) int { return rand.IntN(3) - 1 })
		slices.Sort(s)
		for i, e := range s {
			if e != i {
				t.Fatal("elements were lost")
			}
		}
	})
}

// BenchmarkSort sorts random integers, beside package slices.
func BenchmarkSort(b *testing.B) {
	in := make([]int64, 1_000_000)
	for i := range in {
		in[i] = int64(rand.Uint64())
	}
	s := make([]int64, len(in))
	b.Run("impl=slices", func(b *testing.B) {
		for b.Loop() {
			copy(s, in)
			slices.Sort(s)
		}
	})
	for _, procs := range []int{1, 2} {
		b.Run("impl=runq/procs="+string(rune('0'+procs)), func(b *testing.B) {
			sched := openScheduler(b, Config{Procs: procs})
			b.ReportAllocs()
			runIn(b, sched, func(tk *Task) {
				for b.Loop() {
					copy(s, in)
					Sort(tk, s)
				}
			})
		})
	}
}

// TestSortNil checks that a missing function is named, however short the slice is.
func TestSortNil(t *testing.T) {
	wantPanic(t, func() { SortFunc[[]int](nil, nil, nil) }, "SortFunc", "nil")
	wantPanic(t, func() { SortStableFunc[[]int](nil, nil, nil) }, "SortStableFunc", "nil")
}
