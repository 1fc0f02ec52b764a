package eventtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/ring"
)

// script writes streams for tests: each call adds one event, with a time and a
// Seq that are right unless they are set by a mod.
type script struct {
	events []event.Event
	seqs   map[event.TaskID]uint32
}

type mod func(*event.Event)

func seq(n uint32) mod         { return func(e *event.Event) { e.Seq = n } }
func at(ns int64) mod          { return func(e *event.Event) { e.Time = ns } }
func arg(n uint64) mod         { return func(e *event.Event) { e.Arg = n } }
func why(r event.Reason) mod   { return func(e *event.Event) { e.Reason = r } }
func coarse(e *event.Event)    { e.Coarse = true }
func without(e *event.Event)   { e.P = event.NoP }
func elsewhere(e *event.Event) { e.M = event.NoM }

// usual is the reason that a kind gets which must have one.
var usual = map[event.Kind]event.Reason{
	event.KindTaskParked:   event.ReasonWaitPark,
	event.KindTaskReadied:  event.ReasonWakeTask,
	event.KindTaskYielded:  event.ReasonYield,
	event.KindTaskFinished: event.ReasonEndReturn,
	event.KindProcRetaken:  event.ReasonRetakeBlocked,
}

func (s *script) add(k event.Kind, task event.TaskID, m event.MID, p event.PID, mods ...mod) *script {
	e := event.Event{Time: int64(len(s.events)), Kind: k, Task: task, M: m, P: p, Reason: usual[k]}
	if s.seqs == nil {
		s.seqs = make(map[event.TaskID]uint32)
	}
	if k.Spec().IsTask() {
		e.Seq = s.seqs[task] + 1
	}
	for _, f := range mods {
		f(&e)
	}
	if k == event.KindLost && task != event.NoTask {
		s.seqs[task] += uint32(e.Arg)
	}
	if k.Spec().IsTask() {
		s.seqs[task] = e.Seq
	}
	s.events = append(s.events, e)
	return s
}

// begin is a stream in which M1 holds P1, and M2 holds P2.
func begin() *script {
	return new(script).add(event.KindProcCreated, 0, event.NoM, 1).add(event.KindProcCreated, 0, event.NoM, 2).
		add(event.KindThreadStarted, 0, 1, event.NoP).add(event.KindThreadStarted, 0, 2, event.NoP).
		add(event.KindProcAcquired, 0, 1, 1).add(event.KindProcAcquired, 0, 2, 2)
}

// running is that, and G7 runs on M1.
func running() *script {
	return begin().add(event.KindTaskCreated, 7, 1, 1).add(event.KindTaskStarted, 7, 1, 1)
}

// parked is that, and G7 waits.
func parked() *script { return running().add(event.KindTaskParked, 7, 1, 1) }

const loss = event.KindLost

// good streams, in which nothing must be found.
var good = map[string]*script{
	"nothing":       {},
	"a life":        running().add(event.KindTaskFinished, 7, 1, 1),
	"a yield":       running().add(event.KindTaskYielded, 7, 1, 1).add(event.KindTaskResumed, 7, 2, 2),
	"a wait":        parked().add(event.KindTaskReadied, 7, 2, 2).add(event.KindTaskResumed, 7, 2, 2),
	"from outside":  parked().add(event.KindTaskReadied, 7, event.NoM, event.NoP, why(event.ReasonWakeOutside)).add(event.KindTaskResumed, 7, 2, 2),
	"a call":        running().add(event.KindTaskBlocked, 7, 1, 1).add(event.KindTaskUnblocked, 7, 1, 1),
	"a coarse time": running().add(event.KindTaskParked, 7, 1, 1, coarse, at(0)),
	"a long call": running().add(event.KindTaskBlocked, 7, 1, 1).add(event.KindProcRetaken, 0, 1, 1).
		add(event.KindProcAcquired, 0, 3, 1).add(event.KindTaskUnblockedQueued, 7, 1, event.NoP).add(event.KindTaskResumed, 7, 2, 2),
	"a call that changes the P": running().add(event.KindTaskBlocked, 7, 1, 1).add(event.KindProcRetaken, 0, 1, 1).
		add(event.KindProcReleased, 0, 2, 2).add(event.KindProcAcquired, 0, 1, 2).add(event.KindTaskUnblocked, 7, 1, 2),
	"an overrun": running().add(event.KindProcRetaken, 0, 1, 1).add(event.KindTaskOverrun, 7, 1, 1).
		add(event.KindProcAcquired, 0, 3, 1).add(event.KindTaskYielded, 7, 1, event.NoP, why(event.ReasonLostP)).add(event.KindTaskResumed, 7, 3, 1),
	"resized": begin().add(event.KindProcReleased, 0, 2, 2).add(event.KindProcDestroyed, 0, event.NoM, 2).
		add(event.KindProcsChanged, 0, event.NoM, event.NoP, arg(1)).add(event.KindProcCreated, 0, event.NoM, 2).add(event.KindProcAcquired, 0, 2, 2),
	"before the window": new(script).add(event.KindTaskReadied, 7, 1, 1, seq(4)).add(event.KindTaskResumed, 7, 1, 1).
		add(event.KindProcReleased, 0, 1, 1).add(event.KindTaskUnblocked, 8, 2, 2, seq(9)),
	"a late beginning":       running().add(event.KindProcRetaken, 0, 1, 1).add(event.KindTaskCreated, 8, event.NoM, event.NoP).add(event.KindTaskStarted, 8, 3, 1, coarse),
	"a gap that was told of": running().add(loss, 7, event.NoM, event.NoP, arg(3)).add(event.KindTaskReadied, 7, 2, 2),
	"the thread of a lost task": running().add(loss, 7, event.NoM, event.NoP, arg(1)).
		add(event.KindTaskCreated, 8, 1, 1).add(event.KindTaskStarted, 8, 1, 1),
	"a stretch with losses": running().add(loss, 0, event.NoM, 1, arg(9)).add(event.KindProcAcquired, 0, 3, 1).
		add(event.KindProcAcquired, 0, 4, 1).add(loss, 0, event.NoM, 1).add(event.KindTaskFinished, 7, 5, 2, seq(8)),
	"a thread in a stretch with losses": running().add(loss, 0, event.NoM, 1, arg(9)).
		add(event.KindTaskFinished, 7, 1, 1).add(event.KindTaskCreated, 8, 1, 1).add(event.KindTaskStarted, 8, 1, 1).
		add(event.KindTaskCreated, 9, 1, 1).add(event.KindTaskStarted, 9, 1, 1),
	"a gap in a stretch with losses": running().add(loss, 0, event.NoM, 1, arg(9)).add(event.KindTaskUnblocked, 7, 2, 2, seq(8)),
}

func TestGood(t *testing.T) {
	for name, s := range good {
		t.Run(name, func(t *testing.T) { Check(t, s.events, 0) })
	}
}

// bad streams break one rule, once.
var bad = []struct {
	name string
	rule int
	s    *script
	want string // in the error
}{
	{"created twice", 1, running().add(event.KindTaskCreated, 7, 1, 1), "is running, not none"},
	{"parked in a queue", 1, begin().add(event.KindTaskCreated, 7, 1, 1).add(event.KindTaskParked, 7, 1, 1), "is runnable, not running"},
	{"finished while waiting", 1, parked().add(event.KindTaskFinished, 7, 1, 1), "is waiting, not running"},
	{"unblocked without a call", 1, running().add(event.KindTaskUnblocked, 7, 1, 1), "is running, not blocked"},
	{"resumed before it started", 1, begin().add(event.KindTaskCreated, 7, 1, 1).add(event.KindTaskResumed, 7, 1, 1), "never been started"},
	{"started twice", 1, running().add(event.KindTaskYielded, 7, 1, 1).add(event.KindTaskStarted, 7, 1, 1), "started before"},
	{"parked elsewhere", 1, running().add(event.KindTaskParked, 7, 2, 2), "is on M1"},
	{"after the end", 1, running().add(event.KindTaskFinished, 7, 1, 1).add(event.KindTaskReadied, 7, 1, 1), "has ended"},
	{"two threads with a P", 2, begin().add(event.KindProcAcquired, 0, 3, 1), "M1 holds"},
	{"two Ps", 2, begin().add(event.KindProcReleased, 0, 2, 2).add(event.KindProcAcquired, 0, 1, 2), "holds P1"},
	{"released twice", 2, begin().add(event.KindProcReleased, 0, 1, 1).add(event.KindProcReleased, 0, 1, 1), "nobody holds"},
	{"retaken from another", 2, begin().add(event.KindProcRetaken, 0, 2, 1), "M1 holds"},
	{"destroyed in use", 2, begin().add(event.KindProcDestroyed, 0, event.NoM, 1), "M1 holds"},
	{"used after its end", 2, begin().add(event.KindProcReleased, 0, 1, 1).add(event.KindProcDestroyed, 0, event.NoM, 1).
		add(event.KindProcAcquired, 0, 1, 1), "destroyed"},
	{"created twice (P)", 2, begin().add(event.KindProcCreated, 0, event.NoM, 1), "exists already"},
	{"run on another's P", 2, begin().add(event.KindTaskCreated, 7, 1, 1).add(event.KindTaskStarted, 7, 1, 2), "M2 does"},
	{"run on nobody's P", 2, running().add(event.KindTaskYielded, 7, 1, 1).add(event.KindProcReleased, 0, 1, 1).
		add(event.KindTaskResumed, 7, 1, 1), "nobody does"},
	{"resumed twice", 4, running().add(event.KindTaskYielded, 7, 1, 1).add(event.KindTaskResumed, 7, 1, 1).
		add(event.KindTaskResumed, 7, 2, 2), "is running, not runnable"},
	{"resumed before it was readied", 4, parked().add(event.KindTaskResumed, 7, 2, 2), "is waiting, not runnable"},
	{"resumed in a call", 4, running().add(event.KindTaskBlocked, 7, 1, 1).add(event.KindTaskResumed, 7, 2, 2), "is blocked, not runnable"},
	{"two tasks on a thread", 4, running().add(event.KindTaskCreated, 8, 1, 1).add(event.KindTaskStarted, 8, 1, 1), "has G7 on it"},
	{"a task beside a call", 4, running().add(event.KindTaskBlocked, 7, 1, 1).add(event.KindTaskCreated, 8, 1, 1).
		add(event.KindTaskStarted, 8, 1, 1), "has G7 on it"},
	{"readied before it parked", 5, running().add(event.KindTaskReadied, 7, 2, 2), "not waiting"},
	{"readied twice", 5, parked().add(event.KindTaskReadied, 7, 2, 2).add(event.KindTaskReadied, 7, 1, 1), "not waiting"},
	{"an event is missing", 8, running().add(event.KindTaskParked, 7, 1, 1, seq(4)), "should have Seq 3"},
	{"an event is doubled", 8, running().add(event.KindTaskParked, 7, 1, 1, seq(2)), "should have Seq 3"},
	{"more missing than was told", 8, running().add(loss, 7, event.NoM, event.NoP, arg(3)).add(event.KindTaskParked, 7, 1, 1, seq(9)), "should have Seq 6"},
	{"a thread after its end", 9, begin().add(event.KindProcReleased, 0, 2, 2).add(event.KindThreadExited, 0, 2, event.NoP).
		add(event.KindThreadSpinning, 0, 2, event.NoP), "has exited"},
	{"a thread after its end, in spite of a loss", 9, begin().add(event.KindThreadExited, 0, 9, event.NoP).
		add(loss, 0, event.NoM, event.NoP, arg(1)).add(event.KindThreadWoken, 0, 9, event.NoP), "has exited"},
	{"time runs backwards", 10, running().add(event.KindTaskParked, 7, 1, 1, at(2)), "at 7 ns before"},
	{"no kind", 11, begin().add(event.Kind(200), 0, 1, 1), "no kind"},
	{"no task", 11, begin().add(event.KindTaskCreated, 0, 1, 1), "needs a task"},
	{"no Seq", 11, begin().add(event.KindTaskCreated, 7, 1, 1, seq(0)), "Seq above 0"},
	{"a Seq too much", 11, begin().add(event.KindThreadParked, 0, 1, event.NoP, seq(1)), "isn't an event of a task"},
	{"no P", 11, begin().add(event.KindStole, 0, 1, 1, without), "needs a P"},
	{"no M", 11, begin().add(event.KindThreadParked, 0, 1, 1, elsewhere), "needs an M"},
	{"the wrong reason", 11, running().add(event.KindTaskParked, 7, 1, 1, why(event.ReasonEndPanic)), "EndPanic is no reason"},
	{"no reason", 11, running().add(event.KindTaskParked, 7, 1, 1, why(event.ReasonNone)), "None is no reason"},
}

func TestBad(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			v := NewValidator()
			for i, e := range test.s.events {
				err := v.Event(e)
				if i < len(test.s.events)-1 {
					if err != nil {
						t.Fatalf("found too early, in event %d: %v", i, err)
					}
					continue
				}
				var violation *Violation
				if !errors.As(err, &violation) {
					t.Fatalf("not found: %v", err)
				}
				if violation.Rule != test.rule || violation.Event != e || !strings.Contains(err.Error(), test.want) {
					t.Errorf("want rule %d, %q; got %v", test.rule, test.want, err)
				}
			}
		})
	}
}

// TestTable tries every kind in every state: what the table forbids is found,
// and what it allows isn't.
func TestTable(t *testing.T) {
	to := map[event.TaskState]*script{
		event.TaskNone:     begin(),
		event.TaskRunnable: running().add(event.KindTaskYielded, 7, 1, 1),
		event.TaskRunning:  running(),
		event.TaskWaiting:  parked(),
		event.TaskBlocked:  running().add(event.KindTaskBlocked, 7, 1, 1),
		event.TaskDead:     running().add(event.KindTaskFinished, 7, 1, 1),
	}
	for state, s := range to {
		for k := range event.Specs {
			kind, spec := event.Kind(k), &event.Specs[k]
			if !spec.IsTask() || kind == event.KindTaskStarted { // that one depends on more than the state
				continue
			}
			v := NewValidator()
			for _, e := range s.events {
				if err := v.Event(e); err != nil {
					t.Fatal(err)
				}
			}
			next := script{seqs: map[event.TaskID]uint32{7: s.seqs[7]}}
			err := v.Event(next.add(kind, 7, 1, 1, at(1<<40)).events[0])
			if legal := spec.From.Has(state); (err == nil) != legal {
				t.Errorf("%v while %v: legal = %v, but the validator says %v", kind, state, legal, err)
			}
		}
	}
}

func TestOneFaultOneError(t *testing.T) {
	s := running().add(event.KindTaskReadied, 7, 2, 2). // it wasn't waiting
								add(event.KindTaskResumed, 7, 2, 2).add(event.KindTaskFinished, 7, 2, 2)
	v, n := NewValidator(), 0
	for _, e := range s.events {
		if v.Event(e) != nil {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d errors for one fault", n)
	}
}

func TestHistory(t *testing.T) {
	s := running()
	for range historyLen {
		s.add(event.KindTaskYielded, 7, 1, 1).add(event.KindTaskResumed, 7, 1, 1)
	}
	s.add(event.KindTaskReadied, 7, 2, 2)
	v := NewValidator()
	var err error
	for _, e := range s.events {
		err = v.Event(e)
	}
	var violation *Violation
	if !errors.As(err, &violation) {
		t.Fatal(err)
	}
	before := s.events[len(s.events)-1-historyLen : len(s.events)-1]
	if fmt.Sprint(violation.History) != fmt.Sprint(before) || !strings.Contains(err.Error(), before[0].String()) {
		t.Errorf("the history is %v, want %v", violation.History, before)
	}
}

func TestFinish(t *testing.T) {
	finish := func(s *script) (Summary, error) {
		v := NewValidator()
		for _, e := range s.events {
			if err := v.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		return v.Summary(), v.Finish()
	}
	sum, err := finish(parked())
	if want := (Summary{Events: 9, Created: 1, Live: 1, Held: 2, Threads: 2}); sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
	if err == nil || !strings.Contains(err.Error(), "1 tasks, 2 Ps") || !strings.Contains(err.Error(), "G7 is still waiting") {
		t.Errorf("what was left wasn't found: %v", err)
	}
	if _, err := finish(parked().add(loss, 0, event.NoM, event.NoP, arg(5))); err != nil {
		t.Errorf("after a loss: %v", err)
	}
	sum, err = finish(running().add(event.KindTaskFinished, 7, 1, 1).
		add(event.KindProcReleased, 0, 1, 1).add(event.KindProcReleased, 0, 2, 2).
		add(event.KindThreadExited, 0, 1, event.NoP).add(event.KindThreadExited, 0, 2, event.NoP))
	if want := (Summary{Events: 13, Created: 1, Finished: 1}); sum != want || err != nil {
		t.Errorf("got %+v and %v, want %+v", sum, err, want)
	}
}

// recorder is a test that notes what is said of it.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Error(args ...any)         { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

func TestCheck(t *testing.T) {
	s := parked()
	for range 2 * maxReports {
		s.add(event.KindTaskReadied, 7, 2, 2).add(event.KindTaskReadied, 7, 2, 2).
			add(event.KindTaskResumed, 7, 1, 1).add(event.KindTaskParked, 7, 1, 1)
	}
	r := &recorder{TB: t}
	Check(r, s.events, 0)
	if len(r.errors) != maxReports+1 || !strings.HasPrefix(r.errors[maxReports], "20 violations") {
		t.Errorf("%d reports, the last of which is %q", len(r.errors), r.errors[len(r.errors)-1])
	}
	gap := running().add(event.KindTaskReadied, 7, 2, 2, seq(9)).events
	Check(t, gap, 6)
	r = &recorder{TB: t}
	Check(r, gap, 0)
	if len(r.errors) != 1 {
		t.Errorf("a gap, and nothing said to be lost: %q", r.errors)
	}
}

// TestWholeWay records on two Ps what a scheduler would, with buffers that
// overflow, and checks what is read, in several windows.
func TestWholeWay(t *testing.T) {
	for _, bytes := range []int{0, 1 << 20} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			w := [2]*ring.Writer{ring.New(bytes), ring.New(bytes)}
			v, now, recorded, lost := NewValidator(), int64(0), uint64(0), uint64(0)
			task, last := event.TaskID(0), [2]event.TaskID{}
			record := func(p int, k event.Kind, id event.TaskID, n uint32) {
				now++
				recorded++
				w[p].Event(now, k, usual[k], event.PID(p), event.MID(p), id, n, 0)
			}
			for p := range w {
				record(p, event.KindProcAcquired, 0, 0)
			}
			for range 5 {
				for i := range 600 {
					p := i % 7 % 2
					task++
					now++
					w[p].Ran(now-now%64, now-now%64, now-now%64, event.PID(p), event.MID(p), task, 0)
					task++
					w[p].Began(now-now%64, now-now%64, event.PID(p), event.MID(p), task, 0)
					recorded += 3 + 2
					record(p, event.KindTaskParked, task, 3)
					record(1-p, event.KindTaskReadied, task, 4)
					if id := last[p]; id != 0 { // started by one P, finished by another
						record(p, event.KindTaskResumed, id, 5)
						record(p, event.KindTaskFinished, id, 6)
					}
					last[p], last[1-p] = last[1-p], task
				}
				a, lost0 := w[0].Drain(nil)
				b, lost1 := w[1].Drain(nil)
				lost += lost0 + lost1
				for _, e := range event.Merge(nil, a, b) {
					if err := v.Event(e); err != nil {
						t.Error(err)
					}
				}
			}
			sum := v.Summary()
			if sum.Lost != lost || (lost == 0) != (bytes != 0) {
				t.Errorf("%d lost, of which the events tell %d", lost, sum.Lost)
			}
			if sum.Events+lost != recorded {
				t.Errorf("%d events recorded, %d seen and %d lost", recorded, sum.Events, lost)
			}
		})
	}
}
