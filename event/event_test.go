package event

import (
	"strings"
	"testing"
	"unsafe"
)

// TestSpecs checks the table itself: that every kind has a row, and that the
// row is complete and makes sense.
func TestSpecs(t *testing.T) {
	names := make(map[string]Kind)
	for k := KindNone; k < numKinds; k++ {
		s := k.Spec()
		if s.Name == "" || s.What == "" {
			t.Errorf("kind %d (%q) lacks a name or a meaning", k, s.Name)
		}
		if other, ok := names[s.Name]; ok {
			t.Errorf("kinds %d and %d are both called %q", other, k, s.Name)
		}
		names[s.Name] = k
		if (s.ArgName == "") != (s.Arg == "") {
			t.Errorf("%v: its Arg has a name without a meaning, or a meaning without a name", k)
		}
		if s.Needs&FieldP != 0 && s.P == "" || s.Needs&FieldM != 0 && s.M == "" {
			t.Errorf("%v needs a P or an M of which nothing is said", k)
		}
		if s.Reasons == 0 && k != KindNone {
			t.Errorf("%v may have no reason, not even none", k)
		}
		isTask := strings.HasPrefix(s.Name, "Task")
		if s.IsTask() != isTask {
			t.Errorf("%v: IsTask = %v, but its name says %v", k, s.IsTask(), isTask)
		}
		if isTask && (s.Needs&FieldTask == 0 || s.To == TaskNone || s.From.Has(TaskDead)) {
			t.Errorf("%v: it must need a task, lead somewhere, and not start from the dead", k)
		}
		if !isTask && (s.Needs&FieldTask != 0 || s.To != TaskNone) {
			t.Errorf("%v isn't about a task, but needs one or moves one", k)
		}
	}
}

// TestSpecStates checks that the moves of the table connect all states.
func TestSpecStates(t *testing.T) {
	reached := In(TaskNone)
	for range numTaskStates {
		for k := range Specs {
			if s := &Specs[k]; s.From&reached != 0 {
				reached |= In(s.To)
			}
		}
	}
	if all := In(TaskNone, TaskRunnable, TaskRunning, TaskWaiting, TaskBlocked, TaskDead); reached != all {
		t.Errorf("the states that can be reached are %v", reached)
	}
	for s := range numTaskStates {
		left := false
		for k := range Specs {
			left = left || Specs[k].From.Has(s)
		}
		if left == (s == TaskDead) {
			t.Errorf("state %v: can be left = %v", s, left)
		}
	}
}

func TestReasons(t *testing.T) {
	names := make(map[string]Reason)
	var taken ReasonClass
	for k := range Specs {
		taken |= Specs[k].Reasons
	}
	for r := ReasonNone; r < numReasons; r++ {
		if r.String() == "" || r.Class() == 0 {
			t.Errorf("reason %d (%q) lacks a name or a class", r, r)
		}
		if other, ok := names[r.String()]; ok {
			t.Errorf("reasons %d and %d are both called %q", other, r, r)
		}
		names[r.String()] = r
		if r.Class()&(r.Class()-1) != 0 {
			t.Errorf("%v is of more than one class", r)
		}
		if r.Class()&taken == 0 {
			t.Errorf("%v can't be a reason for any kind of event", r)
		}
	}
}

func TestStateNames(t *testing.T) {
	seen := make(map[string]bool)
	add := func(kind, name string) {
		if name == "" || strings.Contains(name, "(") || seen[kind+name] {
			t.Errorf("%s state is called %q: empty, or twice", kind, name)
		}
		seen[kind+name] = true
	}
	for s := range numTaskStates {
		add("task", s.String())
	}
	for s := range numProcStates {
		add("proc", s.String())
	}
	for s := range numThreadStates {
		add("thread", s.String())
	}
}

// TestUnknownNumbers checks that numbers from elsewhere, a newer file say, do
// no harm.
func TestUnknownNumbers(t *testing.T) {
	for _, text := range []string{Kind(250).String(), Reason(250).String(), TaskState(250).String(), ProcState(250).String(), ThreadState(250).String()} {
		if !strings.HasSuffix(text, "(250)") {
			t.Errorf("an unknown number is written as %q", text)
		}
	}
	if Kind(250).Spec() != KindNone.Spec() || Reason(250).Class() != 0 {
		t.Error("an unknown number has a meaning")
	}
}

func TestEventString(t *testing.T) {
	tests := []struct {
		e    Event
		want string
	}{
		{Event{Time: 12, Kind: KindTaskCreated, Task: 7, Seq: 1, Arg: 3, P: NoP, M: NoM, Coarse: true}, "~12ns P- M- TaskCreated G7#1 parent=3"},
		{Event{Time: 5, Kind: KindTaskParked, Reason: ReasonWaitSleep, Task: 7, Seq: 3, P: 1, M: 2}, "5ns P1 M2 TaskParked G7#3 WaitSleep"},
		{Event{Kind: KindStole, P: 1, M: 2, Arg: StoleArg(4, 9)}, "0ns P1 M2 Stole victim=P4 count=9"},
		{Event{Kind: KindLost, P: 3, M: NoM, Arg: 9}, "0ns P3 M- Lost lost=9"},
	}
	for _, test := range tests {
		if got := test.e.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	if got := TaskID(0).String(); got != "G-" {
		t.Errorf("NoTask is written as %q", got)
	}
}

func TestStoleArg(t *testing.T) {
	e := Event{Kind: KindStole, Arg: StoleArg(1023, 128)}
	if victim, count := e.Stole(); victim != 1023 || count != 128 {
		t.Errorf("got P%d and %d", victim, count)
	}
}

// TestEventSize keeps an eye on the memory that a trace takes once it is
// unpacked.
func TestEventSize(t *testing.T) {
	if size := unsafe.Sizeof(Event{}); size != 48 {
		t.Errorf("an Event takes %d bytes, not 48", size)
	}
}
