// Package histogram counts times by their length, with a bounded error and in little
// memory: what percentiles are made of.
package histogram

import "math/bits"

// subBits is how many bits of a value are kept below its highest one: five make buckets
// that are 3 % wide, which is finer than any two recordings agree.
const subBits = 5

const (
	sub     = 1 << subBits
	octaves = 64 - subBits
)

// Histogram counts values. Each octave, from one power of two to the next, has 32
// buckets of the same width; values below 64 have one each. The zero Histogram is empty.
type Histogram struct {
	octaves [octaves]*[sub]uint64
	count   uint64
	max     int64
}

// Bucket is the place of a value in any Histogram.
type Bucket uint16

// BucketOf returns the bucket of a value; negative ones count as 0.
func BucketOf(v int64) Bucket {
	if v < sub {
		return Bucket(max(v, 0))
	}
	octave := bits.Len64(uint64(v)) - subBits // 1 or more
	return Bucket(octave<<subBits | int(v>>(octave-1))&(sub-1))
}

// Low returns the least value of a bucket, and High the largest.
func (b Bucket) Low() int64 {
	octave, n := int(b>>subBits), int64(b&(sub-1))
	if octave == 0 {
		return n
	}
	return (sub + n) << (octave - 1)
}

// High returns the largest value of a bucket.
func (b Bucket) High() int64 {
	octave := int(b >> subBits)
	if octave == 0 {
		return b.Low()
	}
	return b.Low() + 1<<(octave-1) - 1
}

// Add counts a value.
func (h *Histogram) Add(v int64) { h.AddIn(BucketOf(v), v) }

// AddIn counts a value of which the bucket is known.
func (h *Histogram) AddIn(b Bucket, v int64) {
	o := h.octaves[b>>subBits]
	if o == nil {
		o = new([sub]uint64)
		h.octaves[b>>subBits] = o
	}
	o[b&(sub-1)]++
	h.count++
	h.max = max(h.max, v)
}

// Merge counts what other has counted, too.
func (h *Histogram) Merge(other *Histogram) {
	for i, o := range other.octaves {
		if o == nil {
			continue
		}
		if h.octaves[i] == nil {
			h.octaves[i] = new([sub]uint64)
		}
		for j, n := range o {
			h.octaves[i][j] += n
		}
	}
	h.count += other.count
	h.max = max(h.max, other.max)
}

// Count returns how many values were counted.
func (h *Histogram) Count() uint64 { return h.count }

// Max returns the largest value, exactly; 0 if there is none.
func (h *Histogram) Max() int64 { return h.max }

// Percentile returns the least value that at least p percent of the values don't exceed:
// the upper end of its bucket, but no more than the largest value. It is 0 if there is
// no value.
func (h *Histogram) Percentile(p float64) int64 {
	need := uint64(p / 100 * float64(h.count))
	if float64(need)*100 < p*float64(h.count) {
		need++
	}
	need = min(max(need, 1), h.count)
	var seen uint64
	for b, n := range h.All() {
		if seen += n; seen >= need {
			return min(b.High(), h.max)
		}
	}
	return 0
}

// All returns the buckets that aren't empty, from the smallest values on, with how many
// values they have.
func (h *Histogram) All() func(yield func(Bucket, uint64) bool) {
	return func(yield func(Bucket, uint64) bool) {
		for i, o := range h.octaves {
			if o == nil {
				continue
			}
			for j, n := range o {
				if n != 0 && !yield(Bucket(i<<subBits|j), n) {
					return
				}
			}
		}
	}
}
