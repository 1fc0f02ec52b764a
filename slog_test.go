package runq

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// untimed leaves the time out of what is logged.
var untimed = &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}}

// logText returns the attributes that a call logs, as text.
func logText(log func(l *slog.Logger)) string {
	var b bytes.Buffer
	log(slog.New(slog.NewTextHandler(&b, untimed)))
	_, attrs, _ := strings.Cut(b.String(), "msg=m")
	return strings.TrimSpace(attrs)
}

func TestLogTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	var got []string
	var kept *Task
	run := func(tk *Task) error {
		note := func(l *slog.Logger) { l.Info("m", "task", tk) }
		got = append(got, logText(note))
		tk.SetLabel("import")
		got = append(got, logText(note))
		tk.Block(func() { got = append(got, logText(note)) })
		kept = tk
		return nil
	}
	if err := s.Interactive().Run(nil, run); err != nil {
		t.Fatal(err)
	}
	closeInTime(t, s)
	got = append(got, logText(func(l *slog.Logger) { l.Info("m", "task", kept) }))
	got = append(got, logText(func(l *slog.Logger) { l.Info("m", "task", (*Task)(nil), "class", (*Class)(nil)) }))
	const misuse = "runq.misused" // on the stack that package slog prints
	for i, want := range []string{
		"task.id=1 task.class=interactive",
		"task.id=1 task.class=interactive task.label=import",
		misuse, // in a blocking call
		misuse, // after the end
		"",
	} {
		if got[i] != want && (want != misuse || !strings.Contains(got[i], misuse)) {
			t.Errorf("logged %q, want %q", got[i], want)
		}
	}
}

func TestLogClass(t *testing.T) {
	s := openScheduler(t, Config{})
	if err := s.Background().SetWeight(7); err != nil {
		t.Fatal(err)
	}
	got := logText(func(l *slog.Logger) { l.Info("m", "class", s.Background()) })
	if want := "class.name=background class.weight=7 class.background=true"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestLogStats(t *testing.T) {
	st := Stats{Procs: 4, Idle: 1, Threads: 5, Live: 6, Finished: 7, Blocked: 8, Overrun: 9, Preemptions: 10, Steals: 11, StopMax: 1500,
		Classes: []ClassStats{{Name: "quiet"}, {Name: "busy", Weight: 3, Queued: 2, Serving: 1, Run: 5e9}}}
	st.TimerLateness.Buckets[20] = 1
	st.Classes[1].Wait.Buckets[10] = 1
	got := logText(func(l *slog.Logger) { l.Info("m", "stats", st) })
	want := "stats.procs=4 stats.idle=1 stats.threads=5 stats.live=6 stats.finished=7 stats.blocked=8 stats.overrun=9 stats.preemptions=10 stats.steals=11 " +
		"stats.stopMax=1.5µs stats.timerLateP99=1.048576ms " +
		"stats.busy.weight=3 stats.busy.queued=2 stats.busy.serving=1 stats.busy.run=5s stats.busy.waitP99=1.024µs stats.busy.latencyP99=0s"
	if got != want {
		t.Errorf("logged\n%s, want\n%s", got, want)
	}
}
