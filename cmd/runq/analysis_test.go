package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

var update = flag.Bool("update", false, "write the outputs in testdata anew")

// recordings returns the recordings that the analyses are tested with: one for each thing that can go wrong.
func recordings(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("../../analyze/testdata/*.trace")
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no recordings: %v", err)
	}
	return names
}

// runHere runs a command line in this process.
func runHere(args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs)
	return out.String(), errs.String(), status
}

// golden runs command lines and compares what they print with a file.
func golden(t *testing.T, name string, lines ...[]string) {
	t.Helper()
	var b strings.Builder
	for _, args := range lines {
		stdout, stderr, status := runHere(args...)
		if status != exitOK || stderr != "" {
			t.Errorf("%q: status %d, standard error %q", args, status, stderr)
		}
		b.WriteString("$ runq " + strings.Join(args, " ") + "\n" + stdout + "\n")
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("%s: line %s (-update writes it anew)", file, firstDifference(got, string(want)))
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return strings.Join([]string{"is now", a[i], "and was", append(b, make([]string, len(a))...)[i]}, "\n")
		}
	}
	return "is missing: " + strings.Join(b[len(a):], "\n")
}

func TestAnalysisGoldens(t *testing.T) {
	for _, file := range recordings(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".trace")
		t.Run(name, func(t *testing.T) {
			golden(t, name, []string{"report", "--top", "3", file}, []string{"why", file, "--worst"}, []string{"validate", file})
		})
	}
}

func TestWhyAndDiffGoldens(t *testing.T) {
	hog, server := "../../analyze/testdata/hog.trace", "../../analyze/testdata/server.trace"
	golden(t, "why", []string{"why", hog, "--goroutine", "25"}, []string{"why", hog, "-g", "G25", "--top", "2", "--whole"},
		[]string{"why", hog, "--at", "0.152831s"}, []string{"why", hog, "--at", "152.9ms", "-g", "25"}, []string{"why", server, "--at", "0.06", "--whole"})
	golden(t, "diff", []string{"diff", "../../observe/gotrace/testdata/go1.23.trace", "../../observe/gotrace/testdata/go1.26.trace"},
		[]string{"diff", hog, hog}, []string{"diff", hog, server})
}

// TestJSON: the same as JSON is JSON; package jsonout has tests of what is in it.
func TestJSON(t *testing.T) {
	hog := "../../analyze/testdata/hog.trace"
	for _, args := range [][]string{{"report", "--json", hog}, {"why", "--worst", "--json", hog}, {"diff", "--json", hog, hog}, {"export", "--json", "-o", "-", hog}} {
		stdout, stderr, status := runHere(args...)
		if status != exitOK || stderr != "" || !strings.HasPrefix(stdout, "{") {
			t.Errorf("%q: status %d, %q, %.100q", args, status, stderr, stdout)
		}
	}
}

// TestBadInput: whatever is wrong, what could be read is shown, the error says what it was, and the status is 1.
func TestBadInput(t *testing.T) {
	whole, err := os.ReadFile("../../analyze/testdata/server.trace")
	if err != nil {
		t.Fatal(err)
	}
	dir := writeTree(t, map[string]string{
		"empty": "", "text": "some text that is no trace", "short": "go 1.", "page": "\n<!DOCTYPE html>", "zip": "\x1f\x8b\x08\x00abcdefghijkl",
		"old": "go 1.19 trace\x00\x00\x00", "new": "go 1.99 trace\x00\x00\x00", "cut": string(whole[:len(whole)/2]), "only-header": string(whole[:sniffed]),
	})
	for _, c := range []struct{ file, out, err string }{
		{"missing", "", "missing: no such file or directory"},
		{".", "", "is a folder"},
		{"empty", "", "empty: it is empty"},
		{"text", "", `begins with "some text that i"`},
		{"short", "", "no Go execution trace"},
		{"page", "", "page of HTML"},
		{"zip", "", "compressed with gzip"},
		{"old", "", "too old"},
		{"new", "", "too new"},
		{"cut", "Go 1.26 execution trace", "the trace is whole up to byte 0"},
		{"http://[::1", "", "no address of a program"},
	} {
		for _, command := range []string{"report", "validate"} {
			stdout, stderr, status := runCommand(t, dir, command, c.file)
			if status != exitFailed || !strings.Contains(stdout, c.out) || c.out == "" && stdout != "" || !strings.Contains(stderr, c.err) {
				t.Errorf("%s %s: status %d, output %q, error %q; want %q and %q", command, c.file, status, stdout, stderr, c.out, c.err)
			}
		}
	}
}

func TestAnalysisMisuse(t *testing.T) {
	hog := "../../analyze/testdata/hog.trace"
	for _, c := range []struct {
		want string
		args []string
	}{
		{"accepts 1 arg", []string{"report"}},
		{"--top -1: must be 0 or more", []string{"report", "--top", "-1", hog}},
		{"none of the others can be", []string{"report", "--json", "--html", "x", hog}},
		{"folder missing", []string{"report", "--html", "missing/x.html", hog}},
		{"at least one of the flags", []string{"why", hog}},
		{"--top 0: must be 1 or more", []string{"why", "--worst", "--top", "0", hog}},
		{"--goroutine x: not the number", []string{"why", "-g", "x", hog}},
		{"--at soon: no time", []string{"why", "--at", "soon", hog}},
		{"--at -3s: no time", []string{"why", "--at", "-3s", hog}},
		{"not goroutine 99 waits", []string{"why", "-g", "99", "--whole", hog}},
		{"no task is ready and doesn't run at 99s", []string{"why", "--at", "99s", hog}},
		{`no region "x"`, []string{"why", "--region", "x", hog}},
		{"accepts 2 arg", []string{"diff", hog}},
		{"both recordings can't be standard input", []string{"diff", "-", "-"}},
		{"missing: no such file", []string{"diff", hog, "missing"}},
		{"--pprof x: no such kind; there are blocked", []string{"export", "--pprof", "x", "-o", "y", hog}},
		{"required flag(s) \"output\"", []string{"export", "--json", hog}},
		{"folder missing", []string{"export", "--json", "-o", "missing/x", hog}},
	} {
		stdout, stderr, status := runHere(c.args...)
		if status != exitFailed || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, output %q, error %q; want %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

// TestFromStandardInput: "-" is the same recording under another name.
func TestFromStandardInput(t *testing.T) {
	file, err := os.Open("../../analyze/testdata/hog.trace")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := command(t, ".", "report", "-")
	cmd.Stdin = file
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := runHere("report", file.Name())
	_, want, _ = strings.Cut(want, ": ")
	if string(got) != "standard input: "+want {
		t.Errorf("got\n%.300s\nnot\n%.300s", got, want)
	}
}

// TestOutputs: files that commands make are there as a whole, or as they were.
func TestOutputs(t *testing.T) {
	dir := writeTree(t, map[string]string{"out": "before"})
	hog, out := "../../analyze/testdata/hog.trace", filepath.Join(dir, "out")
	content := func() string {
		t.Helper()
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if _, stderr, status := runHere("export", "--json", "-o", out, filepath.Join(dir, "missing")); status != exitFailed || content() != "before" {
		t.Errorf("status %d, %s, and the file is %q", status, stderr, content())
	}
	for _, args := range [][]string{{"report", "--html", out, hog}, {"export", "--perfetto", "-o", out, hog}, {"export", "--pprof", "late", "-o", out, hog}, {"export", "--json", "-o", out, hog}} {
		if err := os.WriteFile(out, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, status := runHere(args...); status != exitOK || content() == "before" || content() == "" {
			t.Errorf("%q: status %d, %s, and the file is %.20q", args, status, stderr, content())
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestInvalid: an event that can't be is shown, with its number.
func TestInvalid(t *testing.T) {
	v := newValidation()
	err := analyze.Run(event.NewList(event.Info{Name: "test"}, nil, []event.Event{
		event.Event{Time: 1, Kind: event.KindTaskCreated, Task: 7, Seq: 1, P: 0, M: 1},
		event.Event{Time: 2, Kind: event.KindTaskReadied, Task: 7, Seq: 2, P: 0, M: 1, Reason: event.ReasonWakeTimer},
	}), v)
	if err != nil {
		t.Fatal(err)
	}
	text := v.text("name")
	if v.bad != 1 || !strings.Contains(text, "The first event that breaks a rule is number 2:\nrule 5") || !strings.Contains(text, "1    TaskReadied") {
		t.Errorf("%d are bad:\n%s", v.bad, text)
	}
}
