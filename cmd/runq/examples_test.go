package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/trace"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// others are the programs that examples use besides this one.
var others = regexp.MustCompile(`\b(curl|jq|go)\b`)

// TestHelpExamples runs the lines that the help texts give as examples, in a shell, but for those of the demo, which
// has tests of its own, and those that run the user's program. The program at localhost:6060 is one that always sends
// the same recording.
func TestHelpExamples(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("needs bash")
	}
	dir := exampleFolder(t)
	server := traceServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write(canned()) //nolint:errcheck // the client finds out
	})
	atServer := strings.NewReplacer("localhost:6060", strings.TrimPrefix(server.URL, "http://"))
	ran := 0
	for _, cmd := range commands(newRootCommand()) {
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if strings.Contains(line, "runq demo") || strings.Contains(line, "-- ./") || line == "" {
				continue
			}
			if strings.Contains(line, "--region") { // not every recording has one
				line = strings.ReplaceAll(line, "server.trace", "region.trace")
			}
			if tool := missingTool(line); tool != "" {
				t.Logf("%s: needs %s", line, tool)
				continue
			}
			shell := exec.CommandContext(t.Context(), bash, "-o", "pipefail", "-c", atServer.Replace(line))
			shell.Dir = dir
			shell.Env = append(os.Environ(), beRunq+"=1", "PATH="+dir+":"+os.Getenv("PATH"))
			// head ends before it has read everything: whoever writes to it is ended by that.
			out, err := shell.CombinedOutput()
			if err != nil && !strings.HasSuffix(line, "| head") {
				t.Errorf("%s: %s: %v\n%s", cmd.CommandPath(), line, err, out)
			}
			ran++
		}
	}
	if ran < 15 {
		t.Errorf("only %d examples were run", ran)
	}
}

// commands returns a command and those below it.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

// missingTool returns a program that an example needs and that isn't there.
func missingTool(line string) string {
	for _, tool := range others.FindAllString(line, -1) {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// exampleFolder returns a folder with the command and the files that examples name.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := writeTree(t, map[string]string{
		"server.trace": string(canned()), "before.trace": string(canned()), "now.trace": string(canned()),
		"go.mod": "module example\n", "x_test.go": "package x\n\nimport \"testing\"\n\nfunc Test(*testing.T) {}\n",
	})
	recordRegion(t, filepath.Join(dir, "region.trace"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "runq")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// recordRegion records a user region in this process.
func recordRegion(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := trace.Start(f); err != nil {
		t.Fatal(err)
	}
	trace.WithRegion(t.Context(), "request", runtime.Gosched)
	trace.Stop()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHelp: every command that people use says what it does, and has examples.
func TestHelp(t *testing.T) {
	for _, cmd := range commands(newRootCommand()) {
		if !cmd.IsAvailableCommand() && cmd.HasParent() {
			continue
		}
		if cmd.Short == "" || cmd.Example == "" && !strings.HasPrefix(cmd.CommandPath(), "runq demo") {
			t.Errorf("%s: short text %q, examples %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
	}
}

// TestCompletion: files are completed where files are meant, and kinds of profiles where those are.
func TestCompletion(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"report|", ":0\n"},
		{"report|x|", ":4\n"},
		{"diff|x|", ":0\n"},
		{"why|--goroutine|", ":4\n"},
		{"export|--pprof|lat", "late\tready and not running, by the stack that waited\nlate-by-waker"},
		{"record|-o|x|--|./s", ":0\n"},
		{"rep", "report\t"},
	} {
		stdout, _, status := runHere(append([]string{"__complete"}, strings.Split(c.args, "|")...)...)
		if status != exitOK || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: status %d, %q; want %q", c.args, status, stdout, c.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if stdout, stderr, status := runHere("completion", shell); status != exitOK || !strings.Contains(stdout, "runq") {
			t.Errorf("%s: status %d, %s", shell, status, stderr)
		}
	}
}
