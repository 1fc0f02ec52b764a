//go:build model

package runq

import (
	"fmt"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/model"
	"github.com/runq-go/runq/internal/sx"
)

// stillClock is a clock for checked executions, in which time is no choice: it
// stands still, and who pauses lets others go on.
type stillClock struct{}

func (stillClock) Now() int64                { return 1 }
func (stillClock) Sleep(n *sx.Note, _ int64) { n.Sleep() }
func (stillClock) Pause(time.Duration)       { sx.Gosched() }

// checkEngine explores what f does with a scheduler of its own, which has no sysmon
// and no time, and is closed at the end. An M that searches looks at the others several times, with a yield
// after each: it may do all of that before anybody else goes on.
func checkEngine(t *testing.T, cfg model.Config, procs int, f func(x *model.Execution, s *Scheduler)) {
	t.Helper()
	checkTimed(t, cfg, Config{Procs: procs}, func() clock { return stillClock{} }, f)
}

// checkTimed is checkEngine with a Config, and a clock for each execution.
func checkTimed(t *testing.T, cfg model.Config, of Config, clk func() clock, f func(x *model.Execution, s *Scheduler)) model.Report {
	t.Helper()
	Default().Close() // its sysmon isn't part of the execution
	cfg.Spins = stealRounds + nextLooks
	cfg.Leave = true // a failure may come in the middle of a switch between coroutines
	return model.Check(t, cfg, func(x *model.Execution) {
		s, err := surroundings{clock: clk(), noSysmon: true}.newScheduler(of)
		if err != nil {
			x.Failf("%v", err)
		}
		for _, o := range []struct {
			object any
			name   string
		}{
			{&s.lock, "lock"}, {&s.fore.seats, "seats"}, {&s.overruns, "overruns"}, {&s.sysmonUntil, "sysmonUntil"},
			{&s.drained, "drained"}, {&s.gone, "gone"}, {&s.threads, "threads"}, {&s.carriers.mu, "carriers"},
		} {
			model.Name(o.object, o.name)
		}
		for i, p := range s.fore.seated() {
			model.Name(&p.attn, fmt.Sprintf("P%d.attn", i))
			model.Name(&p.local, fmt.Sprintf("P%d.local", i))
		}
		f(x, s)
		if !s.gone.IsOpen() {
			s.Close()
		}
		if st := s.Stats(); st.Spawned != st.Finished || st.CarriersMade != st.CarriersEnded {
			x.Failf("after Close: %+v", st)
		}
	})
}
