package runq

import (
	"bytes"
	"log/slog"
	"runtime/pprof"
	"strings"
	"testing"
)

// labelsOf returns the line with the labels of the goroutine in whose stack the function
// is; "" if it has none.
func labelsOf(t *testing.T, function string) (labels string) {
	t.Helper()
	awaitTrue(t, "a goroutine in "+function, func() bool {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
			t.Fatal(err)
		}
		for record := range strings.SplitSeq(b.String(), "\n\n") {
			if !strings.Contains(record, "runq."+function+"+") {
				continue
			}
			for line := range strings.SplitSeq(record, "\n") {
				if strings.HasPrefix(line, "# labels:") {
					labels = line
				}
			}
			return true
		}
		return false
	})
	return labels
}

//go:noinline
func waitsLabelled(c <-chan struct{}) { <-c }

//go:noinline
func startedByTask(c <-chan struct{}) { <-c }

// TestProfileLabels: a goroutine profile tells the class of every task, and its label if
// it has one. What a task starts has its labels, and the next task on the same carrier has
// none of them.
func TestProfileLabels(t *testing.T) {
	s := newTest(t, Config{Procs: 1, ProfileLabels: true, Logger: slog.New(slog.DiscardHandler)})
	for _, c := range s.Classes() {
		for _, label := range []string{"crunch", ""} {
			release, ended := make(chan struct{}), make(chan struct{})
			done := async(func() error {
				return c.Run(t.Context(), func(tk *Task) error {
					if label != "" {
						tk.SetLabel(label)
					}
					go func() {
						startedByTask(release)
						close(ended)
					}()
					tk.Yield()
					tk.Block(func() { waitsLabelled(release) })
					return nil
				})
			})
			for _, f := range []string{"waitsLabelled", "startedByTask"} {
				got := labelsOf(t, f)
				if !strings.Contains(got, `"runq_class":"`+c.Name()+`"`) {
					t.Errorf("%s in class %s has the labels %s", f, c.Name(), got)
				}
				if has := strings.Contains(got, "runq_task"); has != (label != "") || has && !strings.Contains(got, `"runq_task":"crunch"`) {
					t.Errorf("%s with the label %q has the labels %s", f, label, got)
				}
			}
			close(release)
			awaitClosed(t, "the goroutine ends", ended)
			if err := awaitClosed(t, "Run returns", done); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestProfileLabelsOff: without Config.ProfileLabels goroutines aren't labelled.
func TestProfileLabelsOff(t *testing.T) {
	s := newTest(t, Config{Procs: 1})
	release := make(chan struct{})
	done := async(func() error {
		return s.Interactive().Run(t.Context(), func(tk *Task) error {
			tk.SetLabel("crunch")
			tk.Block(func() { waitsLabelled(release) })
			return nil
		})
	})
	if got := labelsOf(t, "waitsLabelled"); got != "" {
		t.Errorf("it has the labels %s", got)
	}
	close(release)
	if err := awaitClosed(t, "Run returns", done); err != nil {
		t.Error(err)
	}
}
