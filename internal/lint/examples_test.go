package lint

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience is how long an example may take to build and run: far beyond what one
// needs, so that only one that hangs is ended.
const patience = 2 * time.Minute

// outputComment finds what an example says it prints: the comment lines after
// "Output:".
var outputComment = regexp.MustCompile(`(?m)^\s*// Output:\n((?:\s*//.*\n)+)`)

// TestExamples runs every example and compares what it prints with its comment.
func TestExamples(t *testing.T) {
	mains, err := filepath.Glob(filepath.Join(root, "examples", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		t.Fatalf("no examples found: %v", err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(main)
			if err != nil {
				t.Fatal(err)
			}
			m := outputComment.FindSubmatch(text)
			if m == nil {
				t.Fatal("the example has no comment that says what it prints: // Output:")
			}
			var want strings.Builder
			for line := range strings.Lines(string(m[1])) {
				want.WriteString(strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "//"), " ") + "\n")
			}
			if got := goRun(t, "./examples/"+name); got != want.String() {
				t.Errorf("it prints:\n%sits comment says:\n%s", got, want.String())
			}
		})
	}
}

// program finds the first whole program in a Markdown file.
var program = regexp.MustCompile("(?s)```go\n(package main\n.*?)```")

// TestReadmeProgram runs the program in README.md on a file.
func TestReadmeProgram(t *testing.T) {
	m := program.FindStringSubmatch(read(t, "README.md"))
	if m == nil {
		t.Fatal("README.md has no Go program")
	}
	main := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(main, []byte(m[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x  LICENSE\n", sha256.Sum256([]byte(read(t, "LICENSE"))))
	if got := goRun(t, main, "LICENSE"); got != want {
		t.Errorf("it prints %q, not %q", got, want)
	}
}

// goRun runs a program in the module and returns what it prints.
func goRun(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"run"}, args...)...)
	cmd.Dir = root
	cmd.WaitDelay = time.Second // the program may outlive the go command and hold the pipe
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}
