package planted

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runq-go/runq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

const root = "../../.."

// bugs returns all planted bugs.
func bugs(t *testing.T) (all []Bug) {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no planted bugs found: %v", err)
	}
	for _, name := range names {
		b, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// TestApply: every bug can be planted into the code as it is. Whether it is found is
// tested with the tag model.
func TestApply(t *testing.T) {
	for _, b := range bugs(t) {
		if _, err := b.Plant(root, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

// TestRead: what can't be a planted bug is refused.
func TestRead(t *testing.T) {
	const head = "# x\npackage ./x\ntest T\nfile planted.go\n"
	for _, c := range []struct{ text, want string }{
		{"", "must name"},
		{head, "must name"},
		{"nonsense\n", `"nonsense" is none of`},
		{head + "<<<<\na\n====\nb\n", ">>>> is missing"},
		{head + "<<<<\nnowhere in it\n====\nb\n>>>>\n", "is 0 times in planted.go"},
		{head + "<<<<\n\treturn \n====\nb\n>>>>\n", " times in planted.go"},
	} {
		name := filepath.Join(t.TempDir(), "bug.txt")
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Read(name)
		if err == nil {
			_, err = b.Plant(".", t.TempDir())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: the error is %v; it should say %s", c.text, err, c.want)
		}
	}
}
