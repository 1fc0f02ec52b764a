// Command checkpoint shows a long computation that lets others run: it checks
// after each step, which costs about a nanosecond as long as nobody waits. Here it
// goes on until it sees that a short task has run meanwhile, on the only P.
package main

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/runq-go/runq"
)

func main() {
	s, err := runq.New(runq.Config{Procs: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	err = s.Run(context.Background(), func(t *runq.Task) error {
		var ran atomic.Bool
		t.Go(func(*runq.Task) {
			fmt.Println("the short task runs")
			ran.Store(true)
		})
		x := uint64(1)
		for !ran.Load() {
			x = x*6364136223846793005 + 1442695040888963407 // a step of something long
			t.Checkpoint()
		}
		fmt.Println("the long task ends")
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	// Output:
	// the short task runs
	// the long task ends
}
