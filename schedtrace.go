package runq

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/runq-go/runq/event"
)

// schedTracer prints the state of a scheduler at intervals.
type schedTracer struct {
	stop chan struct{}
	done chan struct{}
}

// startSchedTrace starts printing if the Config asks for it.
func (s *Scheduler) startSchedTrace() {
	if s.cfg.SchedTrace == 0 {
		return
	}
	tr := &schedTracer{stop: make(chan struct{}), done: make(chan struct{})}
	s.trace = tr
	go func() {
		defer close(tr.done)
		tick := time.NewTicker(s.cfg.SchedTrace)
		defer tick.Stop()
		for {
			select {
			case <-tr.stop:
				return
			case <-tick.C:
				snap := s.SnapshotCheap()
				snap.writeTo(s.cfg.SchedTraceOutput, s.cfg.SchedDetail)
			}
		}
	}()
}

// endSchedTrace stops printing.
func (s *Scheduler) endSchedTrace() {
	if s.trace != nil {
		close(s.trace.stop)
		<-s.trace.done
	}
}

// String returns the snapshot as Config.SchedTrace with SchedDetail prints it.
func (snap Snapshot) String() string {
	var b strings.Builder
	snap.writeTo(&b, true)
	return b.String()
}

// writeTo prints the line of GODEBUG=schedtrace, in that format as far as the two
// schedulers have the same things, and with detail every P, M, G and stuck call.
func (snap *Snapshot) writeTo(w io.Writer, detail bool) {
	st := &snap.Stats
	spinning := 0
	idle := 0
	for _, m := range snap.Threads {
		switch m.State {
		case event.ThreadSpinning.String():
			spinning++
		case event.ThreadParked.String():
			idle++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SCHED %dms: procs=%d idleprocs=%d threads=%d spinningthreads=%d idlethreads=%d blocked=%d overrun=%d live=%d runqueue=%d [",
		snap.Time.Milliseconds(), st.Procs, st.Idle, st.Threads, spinning, idle, st.Blocked, st.Overrun, st.Live, snap.Global)
	for i, p := range snap.Procs {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, p.Queue)
	}
	b.WriteString("]\n")
	if detail {
		snap.writeDetail(&b)
	}
	io.WriteString(w, b.String())
}

// writeDetail prints a line for each P, M, G and stuck call.
func (snap *Snapshot) writeDetail(b *strings.Builder) {
	for _, p := range snap.Procs {
		fmt.Fprintf(b, "  P%d: status=%s schedtick=%d m=%d runqsize=%d freestacks=%d timerslen=%d\n", p.ID, p.State, p.Tick, p.Thread, p.Queue, p.Free, p.Timers)
	}
	for _, m := range snap.Threads {
		fmt.Fprintf(b, "  M%d: p=%d curg=%d status=%s\n", m.ID, m.Proc, m.Task, m.State)
	}
	for _, t := range snap.Tasks {
		fmt.Fprintf(b, "  G%d: status=%v(%v) parent=%d waker=%d for=%v locked=%v label=%q fn=%s\n", t.ID, t.State, t.Reason, t.Parent, t.Waker, t.For.Round(time.Microsecond), t.Locked, t.Label, t.Func)
	}
	for _, c := range snap.Stuck {
		fmt.Fprintf(b, "  stuck: G%d %s for=%v state=%q label=%q fn=%s\n", c.Task, c.What, c.For.Round(time.Microsecond), c.State, c.Label, c.Func)
	}
}
