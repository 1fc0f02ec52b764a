package runq_test

import (
	"context"
	"fmt"

	"github.com/runq-go/runq"
)

type tree struct {
	left, right *tree
	value       int
}

// sum forks at every node. Where no P is idle, each fork is a call.
func sum(t *runq.Task, n *tree) int {
	if n == nil {
		return 0
	}
	left := runq.Fork(t, sum, n.left)
	right := sum(t, n.right)
	return left.Join(t) + right + n.value
}

func ExampleFork() {
	leaf := func(v int) *tree { return &tree{value: v} }
	root := &tree{&tree{leaf(1), leaf(2), 3}, &tree{leaf(4), leaf(5), 6}, 7}
	err := runq.Default().Run(context.Background(), func(t *runq.Task) error {
		fmt.Println(sum(t, root))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: 28
}
