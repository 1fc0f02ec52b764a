//go:build model

package planted

import (
	"context"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// patience is how long it may take to build a test and to find the bug: the checker
// has a minute for that, the compiler the rest.
const patience = 3 * time.Minute

// found is what a check says that has found something.
var found = regexp.MustCompile(`found after \d+ schedules, in [^:]*: \w+: .*`)

// TestFound: every planted bug is found by its test.
func TestFound(t *testing.T) {
	if testing.Short() {
		t.Skip("each bug is compiled")
	}
	for _, b := range bugs(t) {
		t.Run(b.Name, func(t *testing.T) {
			overlay, err := b.Plant(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "go", "test", "-tags", "model", "-vet=off", "-count=1",
				"-overlay", overlay, "-run", "^"+b.Test+"$", b.Package)
			cmd.Dir = root
			cmd.WaitDelay = time.Second
			out, err := cmd.CombinedOutput()
			line := found.Find(out)
			if err == nil || line == nil {
				t.Fatalf("%s of %s has not found it: %v\n%s", b.Test, b.Package, err, out)
			}
			t.Logf("%s: %s", b.Test, line)
		})
	}
}
