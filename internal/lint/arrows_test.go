package lint

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// arrow is a rule about what the packages in some folders import. Folders include
// what is below them; "." is the root package alone.
type arrow struct {
	from   []string
	except []string // folders in from whose tests the rule is not about
	tests  bool     // tests too
	own    bool     // about our own packages: to are folders; else import paths
	only   bool     // to are the only ones allowed, not the ones forbidden
	to     []string // "std" with only: the standard library
	why    string
}

// prometheus is the package of the client that collectors are written with.
const prometheus = "github.com/prometheus/client_golang/prometheus"

var arrows = []arrow{
	{
		from: []string{"event"}, own: true, only: true, to: []string{"event"},
		why: "the model of events is what all schedulers and all readers share; it depends on none of them",
	},
	{
		from: []string{"event"}, only: true, tests: true, to: []string{"std"},
		why: "who reads events shouldn't need anybody's libraries",
	},
	{
		from: []string{"."}, own: true, only: true, tests: true, to: []string{".", "event", "internal"},
		why: "the scheduler stands below everything that uses it, shows it or analyses what it did",
	},
	{
		from: []string{"internal"}, except: []string{"internal/faults", "internal/torture"},
		own: true, only: true, tests: true, to: []string{"event", "internal"},
		why: "an internal package is understood, proved and tested without the scheduler around it; but for those that have tests of the scheduler and nothing else",
	},
	{
		from: []string{"internal/queue", "internal/idle", "internal/timerheap"}, own: true, only: true, to: []string{"internal/sx"},
		why: "a protocol that is proved in its README rests on the shim's operations and nothing else",
	},
	{
		from: []string{".", "internal/queue", "internal/idle", "internal/timerheap"}, to: []string{"sync/atomic"},
		why: "atomics go through internal/sx, so that a schedule checker can take their place",
	},
	{
		from: []string{"internal/queue", "internal/idle", "internal/timerheap"}, to: []string{"sync"},
		why: "locks go through internal/sx, so that a schedule checker can take their place",
	},
	{
		from: []string{"internal/model"}, own: true, only: true, to: []string{"internal/model", "internal/leak"},
		why: "the schedule checker knows nothing of what it checks",
	},
	{
		from: []string{"internal/ring"}, to: []string{"sync", "sync/atomic"},
		why: "a ring has one writer, and whatever hands it over orders the accesses; synchronising in it would be paid for by every event (of internal/sx it uses Peek)",
	},
	{
		from: []string{"internal"}, only: true, to: []string{"std", "golang.org/x/sys/unix", "github.com/klauspost/compress/s2"},
		why: "who imports the library gets its dependencies: see docs/architecture.md",
	},
	{
		from: []string{".", "errgroup", "netpoll", "runqhttp"}, only: true, to: []string{"std"},
		why: "who imports the library gets its dependencies: see docs/architecture.md",
	},
	{
		from: []string{"runqprom"}, only: true, to: []string{"std", prometheus},
		why: "metrics for Prometheus need its client, and nothing else does: who doesn't want them doesn't compile it",
	},
	{
		from: []string{"examples"}, only: true, to: []string{"std", prometheus, prometheus + "/promhttp"},
		why: "an example needs runq and what every program has, and the client of Prometheus where it shows runqprom",
	},
	{
		from: []string{"errgroup"}, own: true, only: true, tests: true, to: []string{"errgroup", ".", "internal/goid", "internal/leak"},
		why: "the drop-in is written against the public API, as anybody could",
	},
	{
		from: []string{"netpoll"}, own: true, only: true, tests: true, to: []string{"netpoll", ".", "event", "internal/leak"},
		why: "connections are made of what the scheduler offers to anybody",
	},
	{
		from: []string{"runqhttp"}, own: true, only: true, tests: true, to: []string{"runqhttp", ".", "internal/goid", "internal/leak"},
		why: "the middleware is written against the public API, as anybody could",
	},
	{
		from: []string{"runqprom"}, own: true, only: true, tests: true, to: []string{"runqprom", ".", "internal/leak"},
		why: "a collector shows what the scheduler tells anybody",
	},
	{
		from: []string{"observe"}, own: true, only: true, to: []string{"observe", "event", "internal/tracefile"},
		why: "a reader of another scheduler's records knows the model of events, and not what is made of them",
	},
	{
		from: []string{"analyze"}, own: true, only: true, to: []string{"analyze", "event"},
		why: "an analysis doesn't know where the events come from",
	},
	{
		from: []string{"export"}, own: true, only: true, to: []string{"export", "analyze", "event"},
		why: "an export shows what events and analyses say, wherever they come from",
	},
	{
		from: []string{"export/perfetto"}, only: true, to: []string{"std", "google.golang.org/protobuf/encoding/protowire"},
		why: "the encoding of Perfetto's packets, and nothing that makes code from schemas: see docs/architecture.md",
	},
	{
		from: []string{"export/profile"}, only: true, to: []string{"std", "github.com/google/pprof/profile"},
		why: "the format of profiles: see docs/architecture.md",
	},
	{
		from: []string{"export/jsonout", "export/html"}, only: true, to: []string{"std"},
		why: "what text is made of is in the standard library",
	},
	{
		from: []string{"examples"}, own: true, only: true, tests: true, to: []string{".", "netpoll", "runqhttp", "runqprom"},
		why: "examples show what users can do",
	},
}

// TestArrows checks who imports whom.
func TestArrows(t *testing.T) {
	used := make([]bool, len(arrows))
	for _, f := range goFiles(t) {
		if f.nested {
			continue
		}
		for i, a := range arrows {
			if !a.about(f) {
				continue
			}
			used[i] = true
			for _, imported := range f.imports {
				if !a.allows(imported) {
					t.Errorf("%s imports %s: %s", f.name, imported, a.why)
				}
			}
		}
	}
	for i, a := range arrows {
		if !used[i] {
			t.Errorf("the rule about %v concerns no file: the folders have moved", a.from)
		}
	}
}

func (a *arrow) about(f *file) bool {
	if f.test && !a.tests {
		return false
	}
	in := func(dir string) bool { return within(f.dir, dir) }
	return slices.ContainsFunc(a.from, in) && !(f.test && slices.ContainsFunc(a.except, in))
}

func (a *arrow) allows(imported string) bool {
	dir, own := folder(imported)
	if a.own {
		return !own || slices.ContainsFunc(a.to, func(to string) bool { return within(dir, to) })
	}
	if a.only {
		return own || isStd(imported) && slices.Contains(a.to, "std") || slices.Contains(a.to, imported)
	}
	return !slices.Contains(a.to, imported)
}

// within is below, but for the root, which is itself only.
func within(dir, parent string) bool {
	if parent == "." {
		return dir == "."
	}
	return below(dir, parent)
}

// folder returns the folder of a package of this module.
func folder(imported string) (dir string, own bool) {
	if imported == modulePath {
		return ".", true
	}
	return strings.CutPrefix(imported, modulePath+"/")
}

// isStd tells whether the path is one of the standard library: those have no dot in
// their first element.
func isStd(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// TestAtomicsOnlyInShim: internal/sx exists and is where the atomics are.
func TestAtomicsOnlyInShim(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.dir == "internal/sx" && !f.test && slices.Contains(f.imports, "sync/atomic") {
			return
		}
	}
	t.Error("no file of internal/sx imports sync/atomic: the rule about atomics has lost its object")
}

var linkname = regexp.MustCompile(`(?m)^//go:linkname\b`)

// TestNoRuntimeInternals: runq must survive every Go release, so nothing in it
// reaches into the runtime (docs/design/0001).
func TestNoRuntimeInternals(t *testing.T) {
	for _, f := range goFiles(t) {
		if linkname.MatchString(f.text) {
			t.Errorf("%s has a linkname directive: docs/design/0001 says why there is none", f.name)
		}
	}
	for _, name := range listFiles(t, ".s") {
		t.Errorf("%s is assembly: docs/design/0001 says why there is none", name)
	}
}
