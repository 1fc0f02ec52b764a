package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/runq-go/runq/internal/cgroup"
)

// brief are flags for a run that shows that everything is there, and measures nothing worth reading.
var brief = []string{"demo", "isolate", "--warmup", "20ms", "--duration", "100ms"}

// TestIsolate runs every mode, twice, with the real processes.
func TestIsolate(t *testing.T) {
	dir := writeTree(t, map[string]string{"text": strings.Repeat("some text ", 10_000), "sub/more": "more", "empty": ""})
	measured := isolateModes
	if err := tryGroup(); err != nil {
		t.Logf("without mode %s: %v", groupMode, err)
		measured = slices.DeleteFunc(slices.Clone(measured), func(m isolateMode) bool { return m.letter == groupMode })
	}
	letters := ""
	for _, m := range measured {
		letters += m.letter
	}
	stdout, stderr, status := runCommand(t, dir, append(slices.Clone(brief), "-n", "2", "--modes", letters, "-o", "plot.html", dir)...)
	if status != exitOK || stderr != "" {
		t.Fatalf("got status %d, standard error %q", status, stderr)
	}
	for _, m := range measured {
		if n := strings.Count(stdout, "\n  "+m.letter+"  "+m.title+" "); n != kinds+1 {
			t.Errorf("mode %s has %d lines, want one in each table:\n%s", m.letter, n, stdout)
		}
	}
	if n := strings.Count(stdout, " MB/s\n"); n != kinds*(len(measured)-2) { // all but a and n
		t.Errorf("%d lines have a throughput:\n%s", n, stdout)
	}
	if strings.Contains(stdout, "no answer") {
		t.Errorf("some requests weren't answered:\n%s", stdout)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "plot.html")); err != nil || !bytes.Contains(text, []byte("</html>")) {
		t.Errorf("the plot isn't there or isn't whole: %v", err)
	}
}

// tryGroup tells whether this process may make a control group below its own, as mode g does.
func tryGroup() error {
	g, err := cgroup.Find(os.DirFS("/"))
	if err != nil {
		return err
	}
	child, err := g.NewChild("/")
	if err != nil {
		return err
	}
	return child.Remove()
}

// TestIsolateSome: only what was asked for, in whatever form.
func TestIsolateSome(t *testing.T) {
	dir := writeTree(t, map[string]string{"text": "some text"})
	stdout, stderr, status := runCommand(t, dir, append(brief, "--modes", "d,a", "--workers", "1", "--echo-rate", "50", "--json-rate", "20", dir)...)
	if status != exitOK || stderr != "" {
		t.Fatalf("got status %d, standard error %q", status, stderr)
	}
	if strings.Contains(stdout, "goroutines") || !strings.Contains(stdout, "p99 of echo, d : a") || !strings.Contains(stdout, "50 requests a second") {
		t.Errorf("got\n%s", stdout)
	}
}

func TestIsolateMisuse(t *testing.T) {
	dir := writeTree(t, map[string]string{"file": "x", "none/empty": ""})
	for _, c := range []struct{ args, want string }{
		{"--duration 0s", "--duration 0s: must be more than 0"},
		{"--duration -1s", "--duration -1s: must be more than 0"},
		{"--duration soon", "invalid argument"},
		{"--warmup -1s", "--warmup -1s: must be 0 or more"},
		{"--repeat 0", "--repeat 0: must be 1 or more"},
		{"-n -3", "--repeat -3: must be 1 or more"},
		{"--workers 0", "--workers 0: must be 1 to 1024"},
		{"--workers 1025", "--workers 1025: must be 1 to 1024"},
		{"--echo-rate 0", "--echo-rate 0: must be 1 to 100000 requests a second"},
		{"--json-rate 100001", "--json-rate 100001: must be 1 to 100000 requests a second"},
		{"--modes ax", `--modes "ax": no mode is called "x"; there are a, n, b, c, d, e`},
		{"--modes ,", `--modes ",": names no mode`},
		{"--quota 0", "--quota 0: must be more than 0"},
		{"--quota -1", "--quota -1: must be 0.01 to 1024 CPUs"},
		{"--quota 0.001", "--quota 0.001: must be 0.01 to 1024 CPUs"},
		{"--quota NaN", "--quota NaN: must be 0.01 to 1024 CPUs"},
		{"-o plot.png", "-o plot.png: the name must end in .svg or .html"},
		{"-o missing/plot.svg", "folder missing: no such file or directory"},
		{"missing", "folder missing: no such file or directory"},
		{"file", "file is not a folder"},
		{"none none", "at most 1 arg"},
		// What only a child notices, the parent says.
		{"--modes b none", "mode b, goroutines: the server: exit status 1\nrunq: nothing to compress: no file that can be read under none\n"},
	} {
		args := append(slices.Clone(brief), strings.Fields(c.args)...)
		stdout, stderr, status := runCommand(t, dir, args...)
		if status != exitFailed || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: got status %d, output %q, error %q; want error %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

// TestIsolateHidden: the processes of the demo say what is wrong when somebody else starts them.
func TestIsolateHidden(t *testing.T) {
	dir := writeTree(t, map[string]string{"file": "x"})
	for _, c := range []struct{ args, want string }{
		{"isolate-serve --mode x", `no mode is called "x"`},
		{"isolate-serve --mode a --files .", "the process that started this one is gone"},
		{"isolate-load", "connecting to the echo server"},
	} {
		_, stderr, status := runCommand(t, dir, append([]string{"demo"}, strings.Fields(c.args)...)...)
		if status != exitFailed || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: got status %d, error %q; want error %q", c.args, status, stderr, c.want)
		}
	}
	help, _, _ := runCommand(t, dir, "demo", "--help")
	if !strings.Contains(help, "isolate") || strings.Contains(help, "isolate-") {
		t.Errorf("demo --help: %s", help)
	}
}

// TestChildCrash: what a process wrote before it crashed reaches the parent's error, from its beginning.
func TestChildCrash(t *testing.T) {
	c := &child{name: "the server"}
	c.errors.Write([]byte("panic: here\n"))               //nolint:errcheck // never fails
	c.errors.Write(bytes.Repeat([]byte("x"), 2*headSize)) //nolint:errcheck // never fails
	if got := c.errors.asError().Error(); !strings.HasPrefix(got, "panic: here\nxxx") || len(got) > headSize {
		t.Errorf("got %d bytes: %.40q", len(got), got)
	}
	if err := (&headBuffer{}).asError(); err != nil {
		t.Errorf("got %v for silence", err)
	}
}

// TestBlame: who is to blame is named; who was only stopped because of it isn't.
func TestBlame(t *testing.T) {
	ended := func(err error) *child { return &child{wait: func() error { return err }} }
	crash, noticed := errors.New("crash"), errors.New("noticed")
	for _, c := range []struct {
		noticed error
		ends    []error
		want    error
	}{
		{nil, []error{nil, nil}, nil},
		{noticed, []error{nil, nil}, noticed},
		{noticed, []error{crash, context.Canceled}, crash},
		{noticed, []error{context.Canceled, context.Canceled}, noticed},
		{nil, []error{nil, crash}, crash},
		{nil, []error{nil, context.Canceled}, context.Canceled},
	} {
		if got := blame(c.noticed, []*child{ended(c.ends[0]), ended(c.ends[1])}); !errors.Is(got, c.want) || errors.Is(got, noticed) != (c.want == noticed) {
			t.Errorf("%v, %v: got %v, want %v", c.noticed, c.ends, got, c.want)
		}
	}
}

func TestBill(t *testing.T) {
	r := bill(sampleOrder())
	sum := 0
	for _, cents := range r.Categories {
		sum += cents
	}
	if r.Cents != sum || r.Cents == 0 || len(r.Dearest) != dearestShown {
		t.Errorf("got %+v", r)
	}
	document, err := json.Marshal(sampleOrder())
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{{string(document), http.StatusOK, string(want)}, {"{", http.StatusBadRequest, "unexpected end of JSON input\n"}} {
		w := httptest.NewRecorder()
		serveBill(w, httptest.NewRequest(http.MethodPost, billPath, strings.NewReader(c.body)))
		if got := w.Body.String(); w.Code != c.status || got != c.want {
			t.Errorf("%.20s: got status %d, %q; want %d, %q", c.body, w.Code, got, c.status, c.want)
		}
	}
}

func TestCorpus(t *testing.T) {
	dir := writeTree(t, map[string]string{"b": "bb", "a/c": "ccc", "empty": ""})
	if err := os.Symlink("b", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	c, err := readCorpus(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.free()
	if got := string(bytes.Join(c.files, []byte(" "))); got != "ccc bb" || c.bytes != 5 {
		t.Errorf("got %q, %d bytes", got, c.bytes)
	}
	for _, folder := range []string{t.TempDir(), filepath.Join(dir, "missing")} {
		if c, err := readCorpus(folder); err == nil {
			t.Errorf("no error for a folder without files: %v", c)
		}
	}
}

// TestCompression: each block is compressed once, and a worker ends when it is told to.
func TestCompression(t *testing.T) {
	c := newCompression(&corpus{files: [][]byte{make([]byte, 2*blockSize+1), []byte("x")}})
	blocks := 0
	c.run(func() {
		if blocks++; blocks == 5 { // three of the first file, one of the second, one of the first again
			c.ended.Store(true)
		}
	})
	if got, want := c.input.Load(), int64(3*blockSize+2); blocks != 5 || got != want {
		t.Errorf("got %d blocks and %d bytes, want 5 and %d", blocks, got, want)
	}
}

// TestModes: every mode but the first does its work, and ends it when it is told to.
func TestModes(t *testing.T) {
	for _, m := range isolateModes {
		if m.letter == groupMode && tryGroup() != nil {
			continue
		}
		c := newCompression(&corpus{files: [][]byte{make([]byte, 2*blockSize), []byte("x")}})
		stop, err := m.start(c, 2)
		if err != nil {
			t.Fatal(err)
		}
		for m.letter != "a" && m.letter != controlMode && c.input.Load() < 10*blockSize {
			time.Sleep(time.Millisecond)
		}
		if err := stop(); err != nil {
			t.Errorf("mode %s: %v", m.letter, err)
		}
		done := c.input.Load()
		if runtime.Gosched(); c.input.Load() != done || (m.letter == "a" || m.letter == controlMode) && done != 0 {
			t.Errorf("mode %s compresses on after its end, or where it shouldn't", m.letter)
		}
	}
}

// TestPlainDemo: the plain demo shows both parts, and keeps standard output for the sums if they go there.
func TestPlainDemo(t *testing.T) {
	t.Setenv(beRunq, "1")
	dir := writeTree(t, map[string]string{"text": "some text"})
	isolate := isolateShort()
	isolate.warmup, isolate.duration = 20*time.Millisecond, 100*time.Millisecond
	for _, c := range []struct {
		output         string
		stdout, stderr string // what is to be in them, and what isn't in the other one
	}{{"", "p99 of echo, d : a", ""}, {"-", "  " + dir, "p99 of echo, d : a"}} {
		var stdout, stderr bytes.Buffer
		cmd := &cobra.Command{}
		cmd.SetContext(t.Context())
		cmd.SetOut(&stdout)
		cmd.SetErr(&stderr)
		if err := runDemo(cmd, []string{dir}, checksumOptions{output: c.output}, isolate); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("-o %q: got standard output\n%s\nand standard error\n%s", c.output, stdout.String(), stderr.String())
		}
		if c.stderr != "" && strings.Contains(stdout.String(), c.stderr) {
			t.Errorf("-o %q: standard output isn't the sums alone:\n%s", c.output, stdout.String())
		}
	}
}
