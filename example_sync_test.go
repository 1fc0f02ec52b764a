package runq_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/runq-go/runq"
)

func ExampleMutex() {
	var mu runq.Mutex
	sum := 0
	g, _ := runq.NewGroup(context.Background(), nil)
	for i := range 10 {
		g.Go(func(t *runq.Task) error {
			mu.Lock(t)
			defer mu.Unlock(t)
			sum += i
			return nil
		})
	}
	g.Wait(nil)
	fmt.Println(sum)
	// Output: 45
}

func ExampleMutex_LockOrDone() {
	var mu runq.Mutex
	mu.Lock(nil) // nil: an ordinary goroutine
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("no time left"))
	err := runq.Default().Run(ctx, func(t *runq.Task) error {
		return mu.LockOrDone(t)
	})
	fmt.Println(err)
	// Output: no time left
}

func ExampleRWMutex() {
	var mu runq.RWMutex
	prices := map[string]int{}
	runq.Default().Run(context.Background(), func(t *runq.Task) error {
		mu.Lock(t)
		prices["tea"] = 3
		mu.Unlock(t)

		mu.RLock(t)
		defer mu.RUnlock(t)
		fmt.Println(prices["tea"])
		return nil
	})
	// Output: 3
}

func ExampleCond() {
	var mu runq.Mutex
	notEmpty := runq.NewCond(&mu)
	var queue []string

	g, _ := runq.NewGroup(context.Background(), nil)
	g.Go(func(t *runq.Task) error {
		mu.Lock(t)
		defer mu.Unlock(t)
		for len(queue) == 0 {
			if err := notEmpty.Wait(t); err != nil {
				return err
			}
		}
		fmt.Println(queue[0])
		return nil
	})
	g.Go(func(t *runq.Task) error {
		mu.Lock(t)
		queue = append(queue, "a letter")
		mu.Unlock(t)
		notEmpty.Signal(t)
		return nil
	})
	fmt.Println(g.Wait(nil))
	// Output:
	// a letter
	// <nil>
}

func ExampleWaitGroup() {
	runq.Default().Run(context.Background(), func(t *runq.Task) error {
		var wg runq.WaitGroup
		squares := make([]int, 4)
		for i := range squares {
			wg.Go(t, func(*runq.Task) { squares[i] = i * i })
		}
		wg.Wait(t)
		fmt.Println(squares)
		return nil
	})
	// Output: [0 1 4 9]
}

func ExampleSemaphore() {
	memory := runq.NewSemaphore(100)
	runq.Default().Run(context.Background(), func(t *runq.Task) error {
		if err := memory.Acquire(t, 60); err != nil {
			return err
		}
		defer memory.Release(t, 60)
		fmt.Println("is there more?", memory.TryAcquire(60))
		fmt.Println(memory.Acquire(t, 200))
		return nil
	})
	// Output:
	// is there more? false
	// runq: Semaphore.Acquire: 200 units wanted of 100: more than the semaphore has
}

func ExampleEvent() {
	var ready runq.Event
	g, _ := runq.NewGroup(context.Background(), nil)
	for range 3 {
		g.Go(func(t *runq.Task) error { return ready.Wait(t) })
	}
	fmt.Println("before:", ready.IsSet())
	ready.Set(nil)
	fmt.Println(g.Wait(nil), ready.IsSet())
	// Output:
	// before: false
	// <nil> true
}
