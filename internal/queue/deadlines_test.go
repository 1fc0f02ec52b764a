package queue

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// TestDeadlinesOrder checks the order against a sort, with deadlines that are equal.
func TestDeadlinesOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var q Deadlines[[2]int]
		var want [][2]int
		n := rnd.IntN(200)
		for i := range n {
			v := [2]int{rnd.IntN(20), i}
			want = append(want, v)
			q.Put(v, int64(v[0]))
		}
		slices.SortStableFunc(want, func(a, b [2]int) int { return a[0] - b[0] })
		seen := 0
		q.Each(func(*[2]int) { seen++ })
		if q.Len() != n || seen != n {
			t.Fatalf("%d of %d are queued, %d are shown", q.Len(), n, seen)
		}
		for i := range want {
			var got [2]int
			if !q.Get(&got) || got != want[i] {
				t.Fatalf("number %d is %v, want %v", i, got, want[i])
			}
		}
		var none [2]int
		if q.Get(&none) || q.Len() != 0 || q.heap != nil {
			t.Fatalf("something is left: %v", none)
		}
	}
}

// TestDeadlinesDelivery checks that what many put many get, each entry once.
func TestDeadlinesDelivery(t *testing.T) {
	const each, putters = 2000, 4
	var q Deadlines[int]
	var wg sync.WaitGroup
	for p := range putters {
		wg.Go(func() {
			for i := range each {
				q.Put(p*each+i, int64(i%7))
			}
		})
	}
	got := make([][]int, 3)
	var all sync.WaitGroup
	all.Add(each * putters)
	done := make(chan struct{})
	for g := range got {
		wg.Go(func() {
			for {
				var e int
				if q.Get(&e) {
					got[g] = append(got[g], e)
					all.Done()
					continue
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	all.Wait()
	close(done)
	wg.Wait()
	sum := slices.Concat(got...)
	slices.Sort(sum)
	for i, v := range sum {
		if v != i {
			t.Fatalf("entry %d is %d", i, v)
		}
	}
}
