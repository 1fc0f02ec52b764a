package runq

import (
	"log/slog"
	"time"
)

// LogValue implements slog.LogValuer: a task is logged as a group of its id, its class,
// and its label if it has one. A nil task, which stands for an ordinary goroutine, is an
// empty group, which handlers leave out.
//
// As all methods of a task it is for the task itself, on its own goroutine; the handlers
// of package slog call it there. A handler that hands records to another goroutine must be
// given t.LogValue() instead of t, as must what is logged in a blocking call. With these
// handlers logger.With("task", t) calls it at once, so that the logger it returns may be
// used anywhere. Misuse panics, of which package slog makes a value that says where.
func (t *Task) LogValue() slog.Value {
	if t == nil {
		return slog.GroupValue()
	}
	t.enter("LogValue")
	attrs := []slog.Attr{slog.Uint64("id", t.id), slog.String("class", t.e.env.class.name)}
	if l := t.labelText(); l != "" {
		attrs = append(attrs, slog.String("label", l))
	}
	return slog.GroupValue(attrs...)
}

// LogValue implements slog.LogValuer: a class is logged as a group of its name and its
// weight, and whether it is a background class. A nil class is an empty group.
func (c *Class) LogValue() slog.Value {
	if c == nil {
		return slog.GroupValue()
	}
	return slog.GroupValue(slog.String("name", c.name), slog.Int("weight", int(c.weight.Load())), slog.Bool("background", c.cfg.Background))
}

// LogValue implements slog.LogValuer: the figures that tell at a glance how a scheduler
// is, with a group for each class that has had tasks. Times are slog's durations; p99 is
// what 99 of 100 don't exceed, since New.
func (s Stats) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int("procs", s.Procs),
		slog.Int("idle", s.Idle),
		slog.Int("threads", s.Threads),
		slog.Uint64("live", s.Live),
		slog.Uint64("finished", s.Finished),
		slog.Int("blocked", s.Blocked),
		slog.Int("overrun", s.Overrun),
		slog.Uint64("preemptions", s.Preemptions),
		slog.Uint64("steals", s.Steals),
		slog.Duration("stopMax", time.Duration(s.StopMax)),
		slog.Duration("timerLateP99", s.TimerLateness.Quantile(0.99)),
	}
	for i := range s.Classes {
		if c := &s.Classes[i]; c.Run != 0 || c.Queued != 0 || c.Serving != 0 {
			attrs = append(attrs, slog.Any(c.Name, c.logValue()))
		}
	}
	return slog.GroupValue(attrs...)
}

// logValue returns the main figures of a class.
func (c *ClassStats) logValue() slog.Value {
	return slog.GroupValue(
		slog.Int("weight", c.Weight),
		slog.Int("queued", c.Queued),
		slog.Int("serving", c.Serving),
		slog.Duration("run", c.Run),
		slog.Duration("waitP99", c.Wait.Quantile(0.99)),
		slog.Duration("latencyP99", c.Latency.Quantile(0.99)),
	)
}
