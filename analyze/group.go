package analyze

import (
	"fmt"
	"strings"

	"github.com/runq-go/runq/event"
)

// launchers are functions that many unrelated goroutines begin with, since they were
// started by a helper.
var launchers = []string{
	"sync.(*WaitGroup).Go.",
	"golang.org/x/sync/errgroup.(*Group).Go.",
	"golang.org/x/sync/errgroup.(*Group).TryGo.",
	"time.goFunc",
}

func isLauncher(name string) bool {
	for _, l := range launchers {
		if strings.HasPrefix(name, l) {
			return true
		}
	}
	return false
}

// maxGroups is how many names of groups are remembered. A large program starts goroutines
// at some thousands of places.
const maxGroups = 1 << 14

// groupKey is what the name of a group depends on: the function that its tasks begin with;
// if that is a launcher, where they were created, or else where they were seen.
type groupKey struct {
	root    event.StringID
	own, by event.StackID
}

// group returns the name of the group of a task with that stack, created by one with
// that stack; 0 if nothing is known.
func (w *World) group(own, by event.StackID) event.StringID {
	root := w.Symbols.Root(own)
	launcher, ok := w.launch[root]
	if !ok {
		launcher = isLauncher(w.Symbols.String(root))
		if len(w.launch) < maxGroups {
			w.launch[root] = launcher
		}
	}
	if !launcher {
		return root
	}
	key := groupKey{root: root, by: by}
	if by == 0 {
		key.own = own
	}
	name, ok := w.groups[key]
	if !ok {
		name = w.Symbols.Intern(w.launched(w.Symbols.String(root), own, by))
		if len(w.groups) < maxGroups {
			w.groups[key] = name
		}
	}
	return name
}

// launched names a task that a launcher has started: by the function that it runs, if
// its stack shows it, or else by who asked for it.
func (w *World) launched(launcher string, own, by event.StackID) string {
	if frames := w.Symbols.Frames(nil, own); by == 0 && len(frames) > 1 {
		return frames[len(frames)-2].Func
	}
	of, _, _ := strings.Cut(launcher, ".func")
	for _, f := range w.Symbols.Frames(nil, by) {
		if f.Func != of && !strings.HasPrefix(f.Func, "runtime.") {
			return fmt.Sprintf("%s:%d (%s)", f.Func, f.Line, of)
		}
	}
	return launcher
}

// IsSystem tells whether a group is of the runtime's own tasks, which wait for most of
// the time, and for which nobody waits.
func IsSystem(group string) bool {
	return strings.HasPrefix(group, "runtime.") && group != "runtime.main" ||
		strings.HasPrefix(group, "runtime/trace.")
}
