package runq_test

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/runq-go/runq"
)

func ExampleFor() {
	squares := make([]int, 1000)
	err := runq.For(nil, len(squares), func(t *runq.Task, lo, hi int) {
		for i := lo; i < hi; i++ {
			squares[i] = i * i
		}
	})
	fmt.Println(squares[999], err)
	// Output:
	// 998001 <nil>
}

// A loop that fails ends the context that it was started with, and so ends early.
func ExampleFor_cancel() {
	ctx, cancel := context.WithCancelCause(context.Background())
	err := runq.Default().Run(ctx, func(t *runq.Task) error {
		return runq.For(t, 1_000_000_000, func(t *runq.Task, lo, hi int) {
			if hi > 100 {
				cancel(fmt.Errorf("that is enough"))
			}
		})
	})
	fmt.Println(err)
	// Output:
	// that is enough
}

func ExampleProgress() {
	err := runq.For(nil, 1000, func(t *runq.Task, lo, hi int) {},
		runq.Progress(func(done, total int) {
			fmt.Println(done, "of", total)
		}))
	fmt.Println(err)
	// Output:
	// 1000 of 1000
	// <nil>
}

func ExampleEach() {
	words := []string{"loops", "without", "grain"}
	runq.Each(nil, words, func(t *runq.Task, w *string) { *w = strings.ToUpper(*w) })
	fmt.Println(words)
	// Output:
	// [LOOPS WITHOUT GRAIN]
}

func ExampleMap() {
	lengths, err := runq.Map(nil, []string{"a", "bc", "def"}, func(t *runq.Task, s string) int { return len(s) })
	fmt.Println(lengths, err)
	// Output:
	// [1 2 3] <nil>
}

// The sum is the same, to the last bit, on any machine.
func ExampleReduce() {
	sum, err := runq.Reduce(nil, 1_000_000,
		func(t *runq.Task, lo, hi int) (sum float64) {
			for i := lo; i < hi; i++ {
				sum += 1 / float64(i+1) / float64(i+1)
			}
			return sum
		},
		func(a, b float64) float64 { return a + b })
	fmt.Printf("%.4f %.4f %v\n", sum, math.Pi*math.Pi/6, err)
	// Output:
	// 1.6449 1.6449 <nil>
}

func ExampleScan() {
	s := []int{3, 1, 4, 1, 5}
	runq.Scan(nil, s, func(a, b int) int { return a + b })
	fmt.Println(s)
	// Output:
	// [3 4 8 9 14]
}

func ExampleInvoke() {
	var a, b int
	runq.Invoke(nil,
		func(t *runq.Task) { a = 1 },
		func(t *runq.Task) { b = 2 },
	)
	fmt.Println(a, b)
	// Output:
	// 1 2
}

func ExampleSort() {
	s := []int{3, 1, 2}
	runq.Sort(nil, s)
	fmt.Println(s)
	// Output:
	// [1 2 3]
}

func ExampleSortFunc() {
	words := []string{"pear", "fig", "banana"}
	runq.SortFunc(nil, words, func(a, b string) int { return len(a) - len(b) })
	fmt.Println(words)
	// Output:
	// [fig pear banana]
}
