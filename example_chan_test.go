package runq_test

import (
	"context"
	"fmt"
	"time"

	"github.com/runq-go/runq"
)

func ExampleNewChan() {
	c := runq.NewChan[string](2)
	fmt.Println(c.TrySend("a"), c.TrySend("b"), c.TrySend("c"))
	fmt.Println(c.Len(), "of", c.Cap())
	// Output:
	// true true false
	// 2 of 2
}

// Tasks on one side, an ordinary goroutine on the other.
func ExampleChan() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	squares := runq.NewChan[int](0)
	s.Go(func(t *runq.Task) {
		defer squares.Close()
		for i := range 4 {
			squares.Send(t, i*i)
		}
	})
	for v := range squares.All(nil) {
		fmt.Println(v)
	}
	// Output:
	// 0
	// 1
	// 4
	// 9
}

// A wait ends when the task's context does.
func ExampleChan_Send() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	nobody := runq.NewChan[int](0)
	fmt.Println(s.Run(ctx, func(t *runq.Task) error { return nobody.Send(t, 1) }))
	// Output: context deadline exceeded
}

func ExampleChan_Recv() {
	c := runq.NewChan[int](1)
	c.TrySend(7)
	c.Close()
	fmt.Println(c.Recv(nil))
	fmt.Println(c.Recv(nil))
	// Output:
	// 7 <nil>
	// 0 runq: the channel is closed, and nothing is left in it
}

func ExampleChan_TrySend() {
	c := runq.NewChan[int](0)
	fmt.Println(c.TrySend(1)) // nobody waits to receive
	// Output: false
}

func ExampleChan_TryRecv() {
	c := runq.NewChan[int](1)
	_, err := c.TryRecv()
	fmt.Println(err == runq.ErrChanEmpty)
	c.TrySend(5)
	fmt.Println(c.TryRecv())
	// Output:
	// true
	// 5 <nil>
}

func ExampleChan_Close() {
	c := runq.NewChan[int](0)
	c.Close()
	_, err := c.Recv(nil)
	fmt.Println(err == runq.ErrChanClosed)
	// Output: true
}

func ExampleChan_All() {
	c := runq.NewChan[string](3)
	for _, word := range []string{"one", "two", "three"} {
		c.TrySend(word)
	}
	c.Close()
	for word := range c.All(nil) {
		fmt.Println(word)
	}
	// Output:
	// one
	// two
	// three
}

// A worker that takes jobs until there are none for a while.
func ExampleSelect() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	jobs := runq.NewChan[string](2)
	jobs.TrySend("sweep")
	jobs.TrySend("paint")
	s.Run(context.Background(), func(t *runq.Task) error {
		for {
			var job string
			var open bool
			i, err := runq.Select(t, jobs.RecvCase(&job, &open), runq.After(time.Millisecond))
			switch {
			case err != nil: // the task's context has ended
				return err
			case i == 1:
				fmt.Println("nothing to do")
				return nil
			}
			fmt.Println(job, open)
		}
	})
	// Output:
	// sweep true
	// paint true
	// nothing to do
}

func ExampleChan_SendCase() {
	full, empty := runq.NewChan[int](0), runq.NewChan[int](1)
	v := 3
	fmt.Println(runq.Select(nil, full.SendCase(&v), empty.SendCase(&v)))
	fmt.Println(empty.Recv(nil))
	// Output:
	// 1 <nil>
	// 3 <nil>
}

func ExampleChan_RecvCase() {
	c := runq.NewChan[int](0)
	c.Close()
	v, ok := 1, true
	i, err := runq.Select(nil, c.RecvCase(&v, &ok))
	fmt.Println(i, err, v, ok)
	// Output: 0 <nil> 0 false
}

// An ordinary goroutine has no context of its own: Done ends its wait.
func ExampleDone() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	never := runq.NewChan[int](0)
	fmt.Println(runq.Select(nil, never.RecvCase(nil, nil), runq.Done(ctx)))
	// Output: 1 <nil>
}

func ExampleOtherwise() {
	c := runq.NewChan[int](0)
	fmt.Println(runq.Select(nil, c.RecvCase(nil, nil), runq.Otherwise()))
	// Output: 1 <nil>
}
