// Command group shows groups within groups: a task that waits for tasks of its own
// group's kind, at any depth, on one P and with a limit of one. In a pool of one
// worker the first wait would never end.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/runq-go/runq"
)

func main() {
	s, err := runq.New(runq.Config{Procs: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	err = s.Run(context.Background(), func(t *runq.Task) error {
		leaves, err := count(t, 10)
		fmt.Println("leaves:", leaves)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}

	// Output:
	// leaves: 1024
}

// count returns the number of leaves of a binary tree, by a task for each half.
func count(t *runq.Task, depth int) (int, error) {
	if depth == 0 {
		return 1, nil
	}
	g, _ := runq.NewGroup(t.Context(), t.Scheduler())
	g.SetLimit(1)
	var half [2]int
	for i := range half {
		g.Go(func(t *runq.Task) (err error) {
			half[i], err = count(t, depth-1)
			return err
		})
	}
	err := g.Wait(t)
	return half[0] + half[1], err
}
