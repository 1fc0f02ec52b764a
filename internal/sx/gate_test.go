package sx

import "testing"

func TestGate(t *testing.T) {
	var g Gate
	g.Init()
	done := make(chan struct{})
	if g.IsOpen() {
		t.Error("a new gate is open")
	}
	const waiters = 3
	var wg WaitGroup
	wg.Add(2 * waiters)
	for range waiters {
		Go(func() {
			defer wg.Done()
			g.Wait()
		})
		Go(func() {
			defer wg.Done()
			if !g.WaitOr(done) {
				t.Error("a wait says that the gate is shut, which has been opened")
			}
		})
	}
	Gosched()
	g.Open()
	wg.Wait()
	close(done)
	if !g.IsOpen() || !g.WaitOr(done) {
		t.Error("the gate is shut after Open")
	}
	var shut Gate
	shut.Init()
	if shut.WaitOr(done) {
		t.Error("a shut gate says that it is open")
	}
}
