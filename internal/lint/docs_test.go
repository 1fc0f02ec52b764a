package lint

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link      = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	require   = regexp.MustCompile(`(?m)^(?:require )?\s*([a-z][^\s]*\.[^\s]*) v[^\s]+$`)
	step      = regexp.MustCompile(`\b[WSF][0-9]\b`)
	invariant = regexp.MustCompile(`Invariants? ([0-9])`)
	fileName  = regexp.MustCompile(`\b[a-z_/]+\.go\b`)
)

// TestLinks: what a document links to is there.
func TestLinks(t *testing.T) {
	for _, name := range listFiles(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			target := filepath.Join(root, path.Dir(name), m[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which isn't there", name, m[1])
			}
		}
	}
}

// TestNamedFiles: the Go files that the documents name exist.
func TestNamedFiles(t *testing.T) {
	var names []string
	for _, f := range goFiles(t) {
		names = append(names, f.name, path.Base(f.name))
	}
	for _, doc := range listFiles(t, ".md") {
		for _, m := range fileName.FindAllString(read(t, doc), -1) {
			if !slices.Contains(names, m) && !strings.HasPrefix(m, "src/") {
				t.Errorf("%s names %s, which isn't there", doc, m)
			}
		}
	}
}

// TestDependenciesNamed: few dependencies, each with its reason.
func TestDependenciesNamed(t *testing.T) {
	reasons := read(t, "docs/architecture.md")
	found := require.FindAllStringSubmatch(read(t, "go.mod"), -1)
	if len(found) == 0 {
		t.Error("go.mod requires nothing directly: the demo compares with golang.org/x/sync, so the requirement is missing or marked as indirect")
	}
	for _, m := range found {
		if !strings.Contains(reasons, "| "+m[1]+" |") {
			t.Errorf("go.mod requires %s, for which docs/architecture.md gives no reason", m[1])
		}
	}
}

// TestStepsExplained: the steps of the idle protocol that comments refer to are in
// its README.
func TestStepsExplained(t *testing.T) {
	readme := read(t, "internal/idle/README.md")
	seen := make(map[string]bool)
	for _, f := range goFiles(t) {
		if f.test || f.dir != "." && f.dir != "internal/idle" {
			continue
		}
		for _, s := range step.FindAllString(f.text, -1) {
			seen[s] = true
			if !strings.Contains(readme, "- "+s+". ") {
				t.Errorf("%s refers to step %s, which internal/idle/README.md doesn't have", f.name, s)
			}
		}
	}
	for _, s := range []string{"S1", "S2", "W2"} {
		if !seen[s] {
			t.Errorf("no comment says where step %s of internal/idle/README.md is taken", s)
		}
	}
}

// TestInvariantsExplained: the invariants that comments refer to are in the list.
func TestInvariantsExplained(t *testing.T) {
	list := read(t, "docs/architecture.md")
	for _, f := range goFiles(t) {
		if f.test || f.dir != "." && !below(f.dir, "internal") {
			continue
		}
		for _, m := range invariant.FindAllStringSubmatch(f.text, -1) {
			if !strings.Contains(list, "\n| "+m[1]+" | ") {
				t.Errorf("%s refers to invariant %s, which docs/architecture.md doesn't have", f.name, m[1])
			}
		}
	}
}
