package model_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/runq-go/runq/internal/model"
)

// TestToys: what is correct passes, what is broken is found, by every strategy; and
// the replay string repeats the failure and its table.
func TestToys(t *testing.T) {
	strategies := []struct {
		name string
		set  func(*model.Config)
	}{
		{"depth-first", func(*model.Config) {}},
		{"in full", func(c *model.Config) { c.Full = true }},
		{"PCT", func(c *model.Config) { c.PCT, c.Runs, c.Seed = 4, 2000, 1 }},
		{"random", func(c *model.Config) { c.Random, c.Seed = 2000, 1 }},
	}
	for _, toy := range toys {
		for _, s := range strategies {
			t.Run(toy.name+"/"+s.name, func(t *testing.T) {
				cfg := toy.cfg
				cfg.Steps = 1000
				s.set(&cfg)
				report, failure := model.Explore(cfg, toy.f)
				if failure == nil {
					if toy.kind != "" {
						t.Fatalf("not found: %v", report)
					}
					t.Log(report)
					return
				}
				if failure.Kind != toy.kind {
					t.Fatalf("%s: %s\n%s\n%s", failure.Kind, failure.Message, failure.Table, failure.Stack)
				}
				t.Logf("after %d schedules: %s\n%s\n%s", failure.Schedule, failure.Message, failure.Table, failure.Replay)
				table, again := model.Replay(cfg, failure.Replay, toy.f)
				if again == nil || again.Kind != failure.Kind || again.Message != failure.Message {
					t.Errorf("the replay ends with %+v", again)
				}
				if !strings.Contains(failure.Table, "left out") && table != failure.Table {
					t.Errorf("the replay shows another table:\n%s", table)
				}
			})
		}
	}
}

// independent has two threads with n operations each.
func independent(n int, shared bool) func(*model.Execution) {
	return func(x *model.Execution) {
		var words [2]word
		for i, name := range []string{"a", "b"} {
			x.Go(name, func() {
				for range n {
					if shared {
						i = 0
					}
					words[i].store(1)
				}
			})
		}
		x.Join()
	}
}

// TestCount compares the number of schedules with what is reckoned by hand. A thread
// with n operations has n+1 parts: from its start to before the first operation,
// and so on. Two of them can be shuffled in (2n+2)!/((n+1)!·(n+1)!) ways.
func TestCount(t *testing.T) {
	for _, c := range []struct {
		n, preemptions int
		shared, full   bool
		want           int
	}{
		{1, -1, true, true, 6},
		{2, -1, true, true, 20},
		{3, -1, true, true, 70},
		{3, -1, false, true, 70},
		{3, -1, false, false, 2}, // nothing is shared: one order or the other
		{3, 0, true, true, 2},
		{3, 0, true, false, 2},
		// With one preemption there are also those in which one is interrupted before
		// one of its 3 operations, for good until the other has ended.
		{3, 1, true, true, 2 + 2*3},
		{3, 1, true, false, 2 + 2*3},
	} {
		report, failure := model.Explore(model.Config{Preemptions: c.preemptions, Full: c.full}, independent(c.n, c.shared))
		if failure != nil {
			t.Fatal(failure.Message)
		}
		if report.AtBound != c.want || !report.Finished {
			t.Errorf("%+v: %v", c, report)
		}
	}
}

// TestReductionMissesNothing: with and without the reduction the same outcomes are
// seen, with any bound; here of words that are shared on some paths only.
func TestReductionMissesNothing(t *testing.T) {
	outcomes := func(preemptions int, full bool) (seen map[string]bool, schedules int) {
		seen = make(map[string]bool)
		report, failure := model.Explore(model.Config{Preemptions: preemptions, Full: full}, func(x *model.Execution) {
			var flag, sometimes, other word
			var saw [3]int
			x.Go("a", func() {
				sometimes.store(1)
				other.store(1)
				flag.store(1)
				sometimes.store(2)
				saw[0] = other.load()
			})
			x.Go("b", func() {
				if flag.load() == 0 {
					saw[1] = sometimes.load()
					sometimes.store(7)
					return
				}
				other.store(5)
				saw[1] = 10 + other.load()
			})
			x.Go("c", func() {
				if sometimes.load() == 7 {
					flag.store(0)
					saw[2] = other.load()
				}
			})
			x.Join()
			seen[fmt.Sprint(saw, flag.v, sometimes.v, other.v)] = true
		})
		if failure != nil {
			t.Fatal(failure.Message)
		}
		return seen, report.AtBound
	}
	for bound := -1; bound < 5; bound++ {
		all, n := outcomes(bound, true)
		reduced, m := outcomes(bound, false)
		if fmt.Sprint(all) != fmt.Sprint(reduced) {
			t.Errorf("with %d preemptions: %v; reduced: %v", bound, all, reduced)
		}
		t.Logf("with %d preemptions: %d outcomes of %d schedules; reduced, of %d", bound, len(all), n, m)
	}
}

// TestDivergence: code that does something else the second time is found out.
func TestDivergence(t *testing.T) {
	calls := 0
	_, failure := model.Explore(model.Config{Preemptions: 1}, func(x *model.Execution) {
		var n, m word
		calls++
		w := &n
		if calls == 3 {
			m.store(1)
			w = &m
		}
		for _, name := range []string{"a", "b"} {
			x.Go(name, func() {
				w.store(1)
				n.load()
			})
		}
		x.Join()
	})
	if failure == nil || failure.Kind != "divergence" || !strings.Contains(failure.Message, "isn't deterministic") {
		t.Errorf("%+v", failure)
	}
}

// TestChoose: every combination comes up, once.
func TestChoose(t *testing.T) {
	seen := make(map[[2]int]int)
	report, _ := model.Explore(model.Config{}, func(x *model.Execution) {
		a := model.Choose(3)
		seen[[2]int{a, model.Choose(a + 1)}]++
	})
	if report.Schedules != 6 || len(seen) != 6 {
		t.Errorf("%v: %v", report, seen)
	}
	if model.Choose(5) != 0 {
		t.Error("without an execution, Choose chooses")
	}
}

// TestTable: what a failure shows.
func TestTable(t *testing.T) {
	_, failure := model.Explore(model.Config{Preemptions: 1}, func(x *model.Execution) {
		var n word
		model.Name(&n, "n")
		counterOf(x, &n)
	})
	got := failure.Table
	for _, part := range []string{" step  main", "  a ", "n.Load 0  toys_test.go:", "n.Store 0→1  toys_test.go:", "Threads#1.Join waits"} {
		if !strings.Contains(got, part) {
			t.Errorf("the table doesn't show %q:\n%s", part, got)
		}
	}
}

func counterOf(x *model.Execution, n *word) {
	for _, name := range []string{"a", "b"} {
		x.Go(name, func() { n.store(n.load() + 1) })
	}
	x.Join()
	if n.load() != 2 {
		x.Failf("lost")
	}
}

// TestReplayStrings: a string that can't be one is refused, and so is one of other
// code.
func TestReplayStrings(t *testing.T) {
	for _, text := range []string{"", "x", "1", "1:", "1:x", "2:1,1:1", "1:1,", "0:64", "-1:1"} {
		if _, failure := model.Replay(model.Config{}, text, func(*model.Execution) {}); failure == nil || failure.Kind != "replay" {
			t.Errorf("%q: %+v", text, failure)
		}
	}
	_, failure := model.Replay(model.Config{}, "0:17", independent(1, true))
	if failure == nil || failure.Kind != "divergence" {
		t.Errorf("a schedule that doesn't fit: %+v", failure)
	}
}

// TestNothingIsLeft: neither passing nor failing leaves goroutines.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, toy := range toys {
		cfg := toy.cfg
		cfg.Steps = 200
		model.Explore(cfg, toy.f)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

// fakeTB is a test that fails.
type fakeTB struct{ log, fatal string }

func (f *fakeTB) Helper()                           {}
func (f *fakeTB) Name() string                      { return "TestX/a" }
func (f *fakeTB) Logf(format string, args ...any)   { f.log += fmt.Sprintf(format, args...) }
func (f *fakeTB) Fatalf(format string, args ...any) { f.fatal += fmt.Sprintf(format, args...) }

// TestCheck: what the tests of others see.
func TestCheck(t *testing.T) {
	var good, bad fakeTB
	model.Check(&good, model.Config{Preemptions: 1}, independent(1, true))
	if good.fatal != "" || !strings.Contains(good.log, "exhaustive with at most 1 preemptions") {
		t.Errorf("%+v", good)
	}
	model.Check(&bad, model.Config{Preemptions: 1}, func(x *model.Execution) { dekker(x, true) })
	for _, part := range []string{"found after ", "both are inside", "internal/model_test -run '^TestX$/^a$' -v -model.replay="} {
		if !strings.Contains(bad.fatal, part) {
			t.Errorf("no %q in: %s", part, bad.fatal)
		}
	}
}

// BenchmarkPoint is a choice point that doesn't switch.
func BenchmarkPoint(b *testing.B) {
	for range b.N/1000 + 1 {
		model.Explore(model.Config{}, func(x *model.Execution) {
			var w word
			for _, name := range []string{"a", "b"} {
				x.Go(name, func() {
					for range 500 {
						w.store(1)
					}
				})
			}
			x.Join()
		})
	}
}

// BenchmarkSwitch is one that always does.
func BenchmarkSwitch(b *testing.B) {
	for range b.N/1000 + 1 {
		model.Explore(model.Config{}, func(x *model.Execution) {
			for _, name := range []string{"a", "b"} {
				x.Go(name, func() {
					for range 500 {
						x.Yield()
					}
				})
			}
			x.Join()
		})
	}
}
