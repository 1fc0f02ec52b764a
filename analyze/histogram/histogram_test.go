package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// TestBuckets: buckets follow each other without gaps, each value is in its own, and no
// bucket is wider than 1/32 of its values.
func TestBuckets(t *testing.T) {
	for b := range BucketOf(math.MaxInt64) {
		if b.High()+1 != (b + 1).Low() {
			t.Fatalf("bucket %d ends at %d, and the next one begins at %d", b, b.High(), (b + 1).Low())
		}
		if BucketOf(b.Low()) != b || BucketOf(b.High()) != b {
			t.Fatalf("bucket %d is from %d to %d, which are in %d and %d", b, b.Low(), b.High(), BucketOf(b.Low()), BucketOf(b.High()))
		}
		if width := b.High() - b.Low(); width > b.Low()/sub {
			t.Fatalf("bucket %d, from %d, is %d wide", b, b.Low(), width)
		}
	}
	if got := BucketOf(math.MaxInt64).High(); got != math.MaxInt64 {
		t.Errorf("the last bucket ends at %d", got)
	}
	if BucketOf(-5) != 0 {
		t.Error("a negative value isn't 0")
	}
}

func TestPercentiles(t *testing.T) {
	var h Histogram
	if h.Percentile(50) != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Error("an empty histogram isn't 0")
	}
	r := rand.New(rand.NewPCG(1, 2))
	var all []int64
	var a, b Histogram
	for i := range 10000 {
		v := int64(math.Exp(r.Float64() * 25))
		all = append(all, v)
		if i%2 == 0 {
			a.Add(v)
		} else {
			b.Add(v)
		}
	}
	h.Merge(&a)
	h.Merge(&b)
	slices.Sort(all)
	for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 100} {
		exact := all[max(int(math.Ceil(p/100*float64(len(all))))-1, 0)]
		if got := h.Percentile(p); got < exact || got > exact+exact/sub {
			t.Errorf("percentile %v is %d, not about %d", p, got, exact)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != 10000 {
		t.Errorf("the largest of %d is %d", h.Count(), h.Max())
	}
}
