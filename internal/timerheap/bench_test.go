package timerheap

import (
	"fmt"
	"testing"
)

// fill returns a heap of n timers with scattered deadlines from 1000 up.
func fill(n int) (*Heap, []Node) {
	h, nodes := new(Heap), make([]Node, n)
	for i := range nodes {
		h.Add(&nodes[i], scatter(i))
	}
	return h, nodes
}

func scatter(i int) int64 { return 1000 + int64(uint32(i)*2654435761>>8) }

var benchSizes = []int{10, 1000, 100_000}

func BenchmarkNext(b *testing.B) {
	h, _ := fill(1000)
	for b.Loop() {
		if h.Next() == 0 {
			b.Fatal("empty")
		}
	}
}

func BenchmarkPopDueNothing(b *testing.B) {
	h, _ := fill(1000)
	for b.Loop() {
		if h.PopDue(1) != nil {
			b.Fatal("due")
		}
	}
}

// BenchmarkAddRemove is a timeout that doesn't strike.
func BenchmarkAddRemove(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h, _ := fill(size)
			var n Node
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				h.Add(&n, scatter(i))
				n.Remove()
				i++
			}
		})
	}
}

// BenchmarkAddPop is a sleep: the earliest fires and sleeps again, behind the rest.
func BenchmarkAddPop(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h, _ := fill(size)
			b.ReportAllocs()
			now := int64(1) << 40
			for b.Loop() {
				n := h.PopDue(now)
				now++
				h.Add(n, now)
			}
		})
	}
}

// BenchmarkMoveTo is for one move of all timers to another heap of the same size.
func BenchmarkMoveTo(b *testing.B) {
	for _, size := range benchSizes[:2] { // refilling a large one takes far longer than moving it
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				h, _ := fill(size)
				k, _ := fill(size)
				b.StartTimer()
				h.MoveTo(k)
			}
		})
	}
}
