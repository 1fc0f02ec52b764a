package runq_test

import (
	"context"
	"fmt"
	"time"

	"github.com/runq-go/runq"
)

func ExampleScheduler_AfterFunc() {
	done := make(chan bool)
	runq.Default().AfterFunc(time.Millisecond, func(t *runq.Task) {
		fmt.Println("later")
		close(done)
	})
	fmt.Println("now")
	<-done
	// Output:
	// now
	// later
}

func ExampleTimer() {
	s := runq.Default()
	s.Run(context.Background(), func(t *runq.Task) error {
		tm := s.NewTimer(time.Hour)
		tm.Reset(time.Millisecond)
		err := tm.Wait(t)
		fmt.Println(tm.Done(), err)
		return nil
	})
	// Output: true <nil>
}

func ExampleTicker() {
	s := runq.Default()
	s.Run(context.Background(), func(t *runq.Task) error {
		tick := s.NewTicker(time.Millisecond)
		for i := range 3 {
			if err := tick.Wait(t); err != nil {
				return err
			}
			fmt.Println("tick", i)
		}
		return nil
	})
	// Output:
	// tick 0
	// tick 1
	// tick 2
}

func ExampleWithTimeout() {
	ctx, cancel := runq.WithTimeout(context.Background(), nil, time.Millisecond)
	defer cancel()
	err := runq.Default().Run(ctx, func(t *runq.Task) error {
		return new(runq.Event).Wait(t) // nobody sets it
	})
	fmt.Println(err)
	// Output: context deadline exceeded
}
