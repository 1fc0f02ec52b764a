package goid

import (
	"math"
	"strings"
	"sync"
	"testing"
)

func TestGetIsStableAndUnique(t *testing.T) {
	const goroutines = 1000
	var mu sync.Mutex
	seen := map[uint64]bool{Get(): true}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			first := Get()
			second := deeper(20) // from other frames, perhaps on another thread
			if first != second {
				t.Errorf("two ids for one goroutine: %d, then %d", first, second)
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[first] {
				t.Errorf("two goroutines have the id %d", first)
			}
			seen[first] = true
		})
	}
	wg.Wait()
}

func deeper(n int) uint64 {
	if n == 0 {
		return Get()
	}
	return deeper(n - 1)
}

func TestParse(t *testing.T) {
	for trace, want := range map[string]uint64{
		"goroutine 1 [running]:\nmain.main()":     1,
		"goroutine 1234567 [running, locked":      1234567,
		"goroutine 18446744073709551615":          math.MaxUint64,
		"goroutine 42":                            42,
		"goroutine 7 gp=0xc000002380 m=0 mp=0x5e": 7,
	} {
		if got := parse([]byte(trace)); got != want {
			t.Errorf("parse(%q) = %d, want %d", trace, got, want)
		}
	}
}

func TestParseOfAnotherFormat(t *testing.T) {
	for _, trace := range []string{"", "goroutine ", "goroutine x", "thread 5", "12 [running]"} {
		func() {
			defer func() {
				if msg, _ := recover().(string); !strings.HasPrefix(msg, "BUG:") {
					t.Errorf("parse(%q): recovered %q, want a BUG", trace, msg)
				}
			}()
			parse([]byte(trace))
		}()
	}
}

func BenchmarkGet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Get()
	}
}

// BenchmarkGetDeep shows what a deep stack adds.
func BenchmarkGetDeep(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		deeper(100)
	}
}
