package runq

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

func add[N int | float64 | string](a, b N) N { return a + b }

func TestMap(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for _, n := range loopSizes {
			s := make([]int, n)
			for i := range s {
				s[i] = i
			}
			r, err := Map(tk, s, func(_ *Task, i int) int64 { return int64(i) * 3 })
			if err != nil || len(r) != n {
				t.Fatalf("n %d: %d results, %v", n, len(r), err)
			}
			for i := range r {
				if r[i] != int64(i)*3 {
					t.Fatalf("n %d: result %d is %d", n, i, r[i])
				}
			}
		}
	})
}

// TestReduceOrder: neighbours are combined, the lower ones on the left, and each part
// is there once. Concatenation is associative and not commutative.
func TestReduceOrder(t *testing.T) {
	type span struct{ lo, hi int }
	onProcs(t, func(t *testing.T, tk *Task) {
		for _, n := range append(loopSizes, -1) {
			leaf := func(_ *Task, lo, hi int) span { return span{lo, hi} }
			combine := func(a, b span) span {
				if a.hi != b.lo || a.lo >= a.hi {
					t.Errorf("n %d: %v was combined with %v", n, a, b)
				}
				return span{a.lo, b.hi}
			}
			r, err := Reduce(tk, n, leaf, combine)
			if want := (span{0, max(n, 0)}); r != want || err != nil {
				t.Errorf("n %d: got %v, %v", n, r, err)
			}
		}
	})
}

// TestSameSum: sums of floats are the same to the last bit, whatever the schedule.
func TestSameSum(t *testing.T) {
	const n = 50_000
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64() * float64(int(1)<<r.IntN(60))
	}
	var sums []float64
	var scans [][]float64
	for _, procs := range []int{1, 2, 4, 1, 2, 4} {
		s := openScheduler(t, Config{Procs: procs})
		runIn(t, s, func(tk *Task) {
			sum, err := Reduce(tk, n, func(tk *Task, lo, hi int) (sum float64) {
				for _, f := range x[lo:hi] {
					sum += f
				}
				if rand.IntN(50) == 0 {
					tk.Yield()
				}
				return sum
			}, add[float64])
			if err != nil {
				t.Error(err)
			}
			y := slices.Clone(x)
			Scan(tk, y, add[float64])
			sums, scans = append(sums, sum), append(scans, y)
		})
	}
	for i := range sums {
		if sums[i] != sums[0] {
			t.Errorf("Reduce: %v and %v", sums[i], sums[0])
		}
		if !slices.Equal(scans[i], scans[0]) {
			t.Error("Scan: two results differ")
		}
	}
}

func TestReducePanics(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		cause := errors.New("planted")
		for range 50 {
			n := 2 + rand.IntN(3000)
			at := 1 + rand.IntN(n-1)
			inLeaf := rand.IntN(2) == 0
			var running atomic.Int32
			got := recovered(func() {
				Reduce(tk, n, func(tk *Task, lo, hi int) int {
					running.Add(1)
					defer running.Add(-1)
					if inLeaf && lo <= at && at < hi {
						panic(cause)
					}
					if rand.IntN(10) == 0 {
						tk.Yield()
					}
					return hi
				}, func(a, b int) int {
					if !inLeaf && b > at { // the last combination at the latest
						panic(cause)
					}
					return b
				})
			})
			if err, ok := got.(error); !ok || !errors.Is(err, cause) || running.Load() != 0 {
				t.Fatalf("n %d, at %d: the panic was %v, and %d leaves still run", n, at, got, running.Load())
			}
		}
	})
}

func TestReduceCancelled(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		n := 1 + rand.IntN(3000)
		at := rand.IntN(n)
		err := s.Run(ctx, func(tk *Task) error {
			var done atomic.Int64
			r, err := Reduce(tk, n, func(_ *Task, lo, hi int) int {
				if lo <= at && at < hi {
					cancel()
				}
				done.Add(int64(hi - lo))
				return hi - lo
			}, add[int])
			if all := done.Load() == int64(n); all != (err == nil) || all != (r == n) {
				t.Errorf("%d of %d were done, and the result is %d, %v", done.Load(), n, r, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestScan(t *testing.T) {
	onProcs(t, func(t *testing.T, tk *Task) {
		for _, n := range loopSizes {
			s := make([]int, n)
			for i := range s {
				s[i] = rand.IntN(100)
			}
			want := slices.Clone(s)
			for i := 1; i < n; i++ {
				want[i] += want[i-1]
			}
			Scan(tk, s, add[int])
			if !slices.Equal(s, want) {
				t.Errorf("n %d: it isn't the sum of all before", n)
			}
		}
		words := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
		Scan(tk, words, add[string])
		if words[9] != "abcdefghij" || words[4] != "abcde" {
			t.Errorf("got %q: the order isn't kept", words)
		}
		cause := errors.New("planted")
		got := recovered(func() {
			Scan(tk, make([]int, 1000), func(a, b int) int {
				if rand.IntN(100) == 0 {
					panic(cause)
				}
				return a + b
			})
		})
		if err, ok := got.(error); !ok || !errors.Is(err, cause) {
			t.Errorf("the panic was %v", got)
		}
	})
}
