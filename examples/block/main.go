// Command block shows blocking calls: eight tasks are blocked at the same time
// although there is one P, because each gives it to the next. They wait for each
// other, so without that the program would never end.
package main

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/runq-go/runq"
)

func main() {
	s, err := runq.New(runq.Config{Procs: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	const tasks = 8
	var all sync.WaitGroup // done when all tasks are inside Block
	all.Add(tasks)
	g, _ := runq.NewGroup(context.Background(), s)
	for range tasks {
		g.Go(func(t *runq.Task) error {
			t.Block(func() {
				all.Done()
				all.Wait() // stands for any call that blocks its thread
			})
			return nil
		})
	}
	if err := g.Wait(nil); err != nil { // nil: main is an ordinary goroutine
		log.Fatal(err)
	}
	fmt.Println("blocked at once:", tasks, "on Ps:", s.Procs())

	// Output:
	// blocked at once: 8 on Ps: 1
}
