package linear

import (
	"errors"
	"slices"
	"sync"

	"github.com/runq-go/runq"
)

// Channels with mistakes.

// newestFirst is a stack.
type newestFirst struct{ *runq.Chan[int] }

func (c *newestFirst) Recv(t *runq.Task) (int, error) {
	v, err := c.Chan.Recv(t)
	if err != nil {
		return 0, err
	}
	newer, err := c.Chan.TryRecv()
	if err != nil {
		return v, nil
	}
	panics(func() { c.Chan.TrySend(v) })
	return newer, nil
}

// lastFirst serves the receiver first that has come last.
type lastFirst struct {
	*runq.Chan[int]
	mu      sync.Mutex
	waiting []*runq.Chan[int] // guarded by mu
}

func (c *lastFirst) Recv(t *runq.Task) (int, error) {
	c.mu.Lock()
	v, err := c.Chan.TryRecv()
	if err != runq.ErrChanEmpty {
		c.mu.Unlock()
		return v, err
	}
	w := runq.NewChan[int](1)
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	v, err = w.Recv(t)
	if err == nil || errors.Is(err, runq.ErrChanClosed) {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.waiting, w); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
		return 0, err
	}
	return w.TryRecv()
}

func (c *lastFirst) TrySend(v int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.waiting) - 1
	if last < 0 {
		return c.Chan.TrySend(v)
	}
	w := c.waiting[last]
	c.waiting = c.waiting[:last]
	return w.TrySend(v)
}

func (c *lastFirst) Send(t *runq.Task, v int) error {
	return poll(t, true, func() bool { return c.TrySend(v) })
}

func (c *lastFirst) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Chan.Close()
	for _, w := range c.waiting {
		w.Close()
	}
	c.waiting = nil
}

// sentAnyhow sends although it has given up.
type sentAnyhow struct{ *runq.Chan[int] }

func (c *sentAnyhow) Send(t *runq.Task, v int) error {
	err := c.Chan.Send(t, v)
	if err != nil {
		panics(func() { c.Chan.TrySend(v) })
	}
	return err
}

// receivedAnyhow receives although it has given up.
type receivedAnyhow struct{ *runq.Chan[int] }

func (c *receivedAnyhow) Recv(t *runq.Task) (int, error) {
	v, err := c.Chan.Recv(t)
	if err != nil {
		c.Chan.TryRecv()
	}
	return v, err
}

// closeDrops loses values at the end.
type closeDrops struct{ *runq.Chan[int] }

func (c *closeDrops) Close() {
	c.Chan.Close()
	for {
		if _, err := c.Chan.TryRecv(); err != nil {
			return
		}
	}
}

// selectTwo receives one value too many.
func selectTwo(s *chans) func(*runq.Task, ...runq.Case) (int, error) {
	return func(t *runq.Task, of ...runq.Case) (int, error) {
		i, err := runq.Select(t, of...)
		s.ch[0].TryRecv()
		return i, err
	}
}

// selectOtherwise looks at Otherwise first.
func selectOtherwise(*chans) func(*runq.Task, ...runq.Case) (int, error) {
	return func(t *runq.Task, of ...runq.Case) (int, error) {
		if i := slices.Index(of, runq.Otherwise()); i >= 0 {
			return i, nil
		}
		return runq.Select(t, of...)
	}
}
