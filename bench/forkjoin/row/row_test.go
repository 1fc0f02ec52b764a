package main

import "testing"

// TestAnswersAgree: at the small size, every implementation that can't deadlock has
// the answer of the serial one.
func TestAnswersAgree(t *testing.T) {
	for _, w := range workloads {
		want, err := measureSerial(w, 1, true)
		if err != nil {
			t.Fatalf("%s serial: %v", w.name, err)
		}
		for _, m := range impls {
			switch m.name {
			case "errgroup", "ants", "pond":
				if !w.flat {
					continue
				}
			}
			if !m.does(w) {
				continue
			}
			got, err := m.measure(w, 2, true)
			if err != nil {
				t.Errorf("%s by %s: %v", w.name, m.name, err)
			}
			if got.check != want.check {
				t.Errorf("%s by %s answers %d, serial %d", w.name, m.name, got.check, want.check)
			}
		}
	}
}

// TestMergeParts: wherever two sorted parts are cut, merging the pieces gives the
// whole in order, with parts of very different lengths and with equal elements too.
func TestMergeParts(t *testing.T) {
	p := submitTo(func(fn func()) bool { fn(); return true })
	for _, sizes := range [][2]int{{0, 3000}, {3000, 0}, {1, 5000}, {4000, 4000}, {5000, 17}} {
		all := make([]int64, sizes[0]+sizes[1])
		for i := range all {
			all[i] = int64(mix(uint64(i)) % 100)
		}
		a, b := all[:sizes[0]], all[sizes[0]:]
		mergesort(a, make([]int64, len(a)), false)
		mergesort(b, make([]int64, len(b)), false)
		out := make([]int64, len(all))
		p.merge(a, b, out, mergeGrain)
		mergesort(all, make([]int64, len(all)), false)
		if got, want := digest(out), digest(all); got != want || want == 0 {
			t.Errorf("parts of %v elements: digest %d, want %d", sizes, got, want)
		}
	}
}
