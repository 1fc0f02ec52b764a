package analyze

import (
	"fmt"
	"path"
	"strings"

	"github.com/runq-go/runq/event"
)

// Duration writes a time span of ns for people, with three digits.
func Duration(ns int64) string {
	switch n := max(ns, -ns); {
	case n < 1e3:
		return fmt.Sprintf("%dns", ns)
	case n < 1e6:
		return digits(float64(ns)/1e3) + "µs"
	case n < 1e9:
		return digits(float64(ns)/1e6) + "ms"
	}
	return digits(float64(ns)/1e9) + "s"
}

// digits writes a number that is 1 or more with at least three digits.
func digits(x float64) string {
	switch n := max(x, -x); {
	case n < 10:
		return fmt.Sprintf("%.2f", x)
	case n < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// At writes a time of the recording for people, in seconds from its beginning.
func (w *World) At(ns int64) string { return fmt.Sprintf("%.6fs", float64(ns-w.Start)/1e9) }

// Place says where in the program a stack is: the innermost function that isn't the
// runtime's or of package sync, with file and line; "" if that isn't known.
func Place(symbols *event.Symbols, stack event.StackID) string {
	frames := symbols.Frames(nil, stack)
	if len(frames) == 0 {
		return ""
	}
	at := 0
	for at < len(frames)-1 && internal(frames[at].Func) {
		at++
	}
	if internal(frames[at].Func) {
		at = 0
	}
	return frame(frames[at])
}

// frame writes one call of a stack.
func frame(f event.Frame) string {
	if f.File == "" {
		return f.Func
	}
	return fmt.Sprintf("%s (%s:%d)", f.Func, path.Base(f.File), f.Line)
}

// internal tells whether a function is one in which tasks wait for others' sake.
func internal(name string) bool {
	for _, prefix := range [...]string{"runtime.", "sync.", "sync/", "internal/", "syscall.", "time.", "os.", "net.", "golang.org/x/sys/"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// TaskName names a task for people: with its group, if that is known.
func (w *World) TaskName(id event.TaskID, group event.StringID) string {
	if name := w.Symbols.String(group); name != "" {
		return id.String() + " (" + name + ")"
	}
	return id.String()
}

// GroupName returns a group's name, which is never empty.
func (w *World) GroupName(group event.StringID) string {
	if name := w.Symbols.String(group); name != "" {
		return name
	}
	return "(unknown)"
}
