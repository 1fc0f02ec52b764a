package runq

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestConfigOutOfRange(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		says []string // the field, the value, what to do
	}{
		{"procs negative", Config{Procs: -1}, []string{"Config.Procs is -1", "0 for GOMAXPROCS, or 1 to 1024"}},
		{"procs too many", Config{Procs: 1025}, []string{"Config.Procs is 1025", "1 to 1024"}},
		{"slice negative", Config{Slice: -time.Second}, []string{"Config.Slice is -1s", "0 for 10ms, or at least 100µs"}},
		{"slice too short", Config{Slice: 99 * time.Microsecond}, []string{"Config.Slice is 99µs", "at least 100µs"}},
		{"blocked negative", Config{MaxBlocked: -3}, []string{"Config.MaxBlocked is -3", "0 for 5000, or a positive number"}},
		{"trace buffer negative", Config{TraceBuffer: -1}, []string{"Config.TraceBuffer is -1", "0 for 4194304"}},
		{"trace buffer too small", Config{TraceBuffer: 1000}, []string{"Config.TraceBuffer is 1000", "at least 65536 bytes"}},
		{"schedtrace negative", Config{SchedTrace: -1}, []string{"Config.SchedTrace is -1ns", "0 for none, or at least 1ms"}},
		{"schedtrace too often", Config{SchedTrace: time.Microsecond}, []string{"Config.SchedTrace is 1µs", "at least 1ms"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := New(tt.cfg)
			if err == nil {
				s.Close()
				t.Fatal("New accepts it")
			}
			if s != nil {
				t.Error("New returns a scheduler together with an error")
			}
			for _, w := range append(tt.says, "runq: ") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error says %q; it should say %q", err, w)
				}
			}
		})
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := Config{}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	procs := runtime.GOMAXPROCS(0)
	if c.Procs != procs || c.Slice != 10*time.Millisecond || c.MaxOverruns != procs || c.MaxBlocked != 5000 || c.TraceBuffer != 4<<20 {
		t.Errorf("the defaults are %+v", c)
	}
	if c.StealOrder == nil || c.SchedTraceOutput == nil {
		t.Error("the steal order or the output is nil")
	}
	if s := openScheduler(t, Config{}); s.Procs() != procs {
		t.Errorf("%d Ps, want GOMAXPROCS, %d", s.Procs(), procs)
	}
}

// The ends of the ranges are inside.
func TestConfigLimits(t *testing.T) {
	for _, cfg := range []Config{
		{Procs: 1}, {Procs: 1024}, {Slice: 100 * time.Microsecond}, {Slice: time.Hour}, {MaxOverruns: -1 << 62},
		{MaxOverruns: 1}, {MaxBlocked: 1}, {Procs: 1, Trace: true, TraceBuffer: 64 << 10}, {SchedTrace: time.Millisecond, SchedTraceOutput: new(lines)},
	} {
		s := openScheduler(t, cfg)
		runIn(t, s, func(tk *Task) { tk.Yield() })
		if cfg.Procs != 0 && s.Procs() != cfg.Procs {
			t.Errorf("%d Ps, want %d", s.Procs(), cfg.Procs)
		}
	}
}

func TestMaxOverrunsNegativeMeansNone(t *testing.T) {
	if c, err := (Config{MaxOverruns: -7}).resolve(); err != nil || c.MaxOverruns != 0 {
		t.Errorf("MaxOverruns -7 becomes %d, error %v; want none, 0", c.MaxOverruns, err)
	}
}

func TestSetProcsOutOfRange(t *testing.T) {
	s := openScheduler(t, Config{Procs: 2})
	for _, n := range []int{-1, 0, 1025} {
		if err := s.SetProcs(n); err == nil || !strings.Contains(err.Error(), "between 1 and 1024") {
			t.Errorf("SetProcs(%d): %v", n, err)
		}
	}
	if s.Procs() != 2 {
		t.Errorf("%d Ps after mistaken calls, want 2", s.Procs())
	}
}
