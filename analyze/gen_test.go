package analyze_test

import (
	"os/exec"
	"testing"
)

// TestGenerator: the program that makes runq's recordings can be built. Nothing else
// builds it, since it lies in testdata.
func TestGenerator(t *testing.T) {
	if out, err := exec.Command("go", "vet", "./testdata/genrunq").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
