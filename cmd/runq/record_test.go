package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beServer as the first argument makes the test binary a program that serves net/http/pprof at its second one, until
// it is interrupted.
const beServer = "be-a-server"

func init() {
	if len(os.Args) > 2 && os.Args[1] == beServer {
		serve(os.Args[2], os.Args[3:])
	}
}

// serve is that program. With the argument "die" it ends when it has begun to send.
func serve(address string, args []string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	die := len(args) > 0 && args[0] == "die"
	mux := http.NewServeMux()
	mux.HandleFunc(pprofPath, func(w http.ResponseWriter, r *http.Request) {
		if die {
			w.Write(canned()[:1<<10])             //nolint:errcheck // it is about to end
			http.NewResponseController(w).Flush() //nolint:errcheck // the same
			os.Exit(3)
		}
		fmt.Println("asked")
		pprof.Trace(w, r)
	})
	go http.ListenAndServe(address, mux) //nolint:errcheck // then nobody is answered
	<-ctx.Done()
	fmt.Println("bye")
	os.Exit(0)
}

// canned returns a recording.
func canned() []byte {
	b, err := os.ReadFile("../../analyze/testdata/hog.trace")
	if err != nil {
		panic(err)
	}
	return b
}

// traceServer serves what send sends, at the paths of traces.
func traceServer(t *testing.T, send func(w http.ResponseWriter, r *http.Request)) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(pprofPath, send)
	mux.HandleFunc(runqPath, send)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestNewRemote(t *testing.T) {
	for _, c := range []struct {
		address string
		seconds float64
		ours    bool
		want    string
	}{
		{"http://host:1", 0, false, "http://host:1/debug/pprof/trace?seconds=5"},
		{"host:1", 2, false, "http://host:1/debug/pprof/trace?seconds=2"},
		{"http://host/", 0.5, true, "http://host/debug/runq/trace?seconds=0.5"},
		{"https://host/debug/pprof/", 0, false, "https://host/debug/pprof/trace?seconds=5"},
		{"https://host/debug/runq", 0, false, "https://host/debug/runq/trace?seconds=5"},
		{"http://host/debug/pprof/trace?seconds=7", 0, false, "http://host/debug/pprof/trace?seconds=7"},
		{"http://host/debug/pprof/trace?seconds=7", 3, false, "http://host/debug/pprof/trace?seconds=3"},
		{"http://host/my/trace?x=y", 0, true, "http://host/my/trace?seconds=5&x=y"},
	} {
		r, err := newRemote(c.address, c.seconds, c.ours)
		if err != nil || r.url != c.want {
			t.Errorf("%s: got %+v, %v; want %s", c.address, r, err, c.want)
		}
	}
	for _, bad := range []string{"", "ftp://host", "http://", "a b", "http://[::1"} {
		if r, err := newRemote(bad, 0, false); err == nil {
			t.Errorf("%q: got %s", bad, r.url)
		}
	}
}

// TestRecord: a recording is what the program has sent, asked for as long as the user said.
func TestRecord(t *testing.T) {
	asked := make(chan string, 1)
	server := traceServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		w.Write(canned()) //nolint:errcheck // the client finds out
	})
	dir := writeTree(t, map[string]string{"old": "before"})
	for _, c := range []struct{ want, name, flag, address string }{
		{"/debug/pprof/trace?seconds=0.25", "new", "--seconds=0.25", server.URL},
		{"/debug/runq/trace?seconds=5", "old", "--runq", strings.TrimPrefix(server.URL, "http://")},
	} {
		name := filepath.Join(dir, c.name)
		stdout, stderr, status := runHere("record", "-o", name, c.flag, c.address)
		got, err := os.ReadFile(name)
		if status != exitOK || stdout != "" || !strings.Contains(stderr, "recorded") || err != nil || !bytes.Equal(got, canned()) {
			t.Errorf("%s: status %d, output %q, error %q; the file has %d bytes, %v", c.name, status, stdout, stderr, len(got), err)
		}
		if url := <-asked; url != c.want {
			t.Errorf("asked for %s, not %s", url, c.want)
		}
	}
	stdout, stderr, status := runHere("record", "-o", "-", server.URL)
	<-asked
	if status != exitOK || stdout != string(canned()) {
		t.Errorf("to standard output: status %d, %d bytes, %s", status, len(stdout), stderr)
	}
	stdout, stderr, status = runHere("report", server.URL)
	if url := <-asked; status != exitOK || stderr != "" || !strings.HasPrefix(stdout, server.URL+url+": Go 1.26") {
		t.Errorf("report: status %d, %.100q, %s", status, stdout, stderr)
	}
}

// TestRecordGo records this process, which is a Go program like others.
func TestRecordGo(t *testing.T) {
	server := traceServer(t, pprof.Trace)
	name := filepath.Join(t.TempDir(), "trace")
	if _, stderr, status := runHere("record", "-o", name, "--seconds", "0.05", server.URL); status != exitOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if stdout, stderr, status := runHere("validate", name); status != exitOK {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

// TestRecordRefused: what isn't a trace never becomes a file, and one that was there stays.
func TestRecordRefused(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"nothing":   func(http.ResponseWriter, *http.Request) {},
		"page":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>hello</html>") }, //nolint:errcheck // the client finds out
		"error":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusConflict) },
		"not found": http.NotFound,
		"gone":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	wants := map[string]string{
		"nothing": "it is empty", "page": "a page of HTML", "error": "409 Conflict: not now", "not found": "the program serves no traces there", "gone": "EOF",
	}
	file := filepath.Join(writeTree(t, map[string]string{"file": "before"}), "file")
	for name, answer := range answers {
		server := traceServer(t, answer)
		stdout, stderr, status := runHere("record", "-o", file, server.URL)
		if got, err := os.ReadFile(file); status != exitFailed || stdout != "" || !strings.Contains(stderr, wants[name]) || err != nil || string(got) != "before" {
			t.Errorf("%s: status %d, error %q; the file is %q, %v", name, status, stderr, got, err)
		}
		if _, stderr, status := runHere("report", server.URL); status != exitFailed || !strings.Contains(stderr, wants[name]) {
			t.Errorf("%s: report: status %d, error %q", name, status, stderr)
		}
		if name == "gone" { // and then nobody is there at all
			server.Close()
			if _, stderr, status := runHere("record", "-o", file, server.URL); status != exitFailed || !strings.Contains(stderr, "nobody answers there") {
				t.Errorf("status %d, error %q", status, stderr)
			}
		}
	}
}

func TestRecordMisuse(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{`required flag(s) "output"`, []string{"localhost:1"}},
		{"requires at least 1 arg", []string{"-o", "x"}},
		{"--seconds -1: must be 0 or more", []string{"-o", "x", "--seconds", "-1", "localhost:1"}},
		{"--seconds NaN", []string{"-o", "x", "--seconds", "NaN", "localhost:1"}},
		{"name one address", []string{"-o", "x", "localhost:1", "localhost:2"}},
		{"name one address", []string{"-o", "x", "localhost:1", "--", "true"}},
		{"no address of a program", []string{"-o", "x", "ftp://localhost"}},
		{"folder missing", []string{"-o", "missing/x", "localhost:1"}},
		{"can't run /does/not/exist: no such file", []string{"-o", "x", "--addr", "localhost:1", "--", "/does/not/exist"}},
	} {
		stdout, stderr, status := runHere(append([]string{"record"}, c.args...)...)
		if status != exitFailed || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, output %q, error %q; want %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

// TestRecordCutOff: what has come before the connection broke is kept, and that is said.
func TestRecordCutOff(t *testing.T) {
	const came = 3 << 10
	server := traceServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write(canned()[:came])              //nolint:errcheck // the client finds out
		http.NewResponseController(w).Flush() //nolint:errcheck // the same
		panic(http.ErrAbortHandler)
	})
	name := filepath.Join(t.TempDir(), "trace")
	_, stderr, status := runHere("record", "-o", name, server.URL)
	if got, err := os.ReadFile(name); status != exitFailed || !strings.Contains(stderr, "are kept; the recording is cut off") || err != nil || len(got) != came {
		t.Errorf("status %d, error %q; the file has %d bytes, %v", status, stderr, len(got), err)
	}
}

// TestRecordInterrupted: the program is told to stop, and the file is whole: what it sends then is part of it.
func TestRecordInterrupted(t *testing.T) {
	began := make(chan struct{})
	server := traceServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(canned()[:100])               //nolint:errcheck // the client finds out
		http.NewResponseController(w).Flush() //nolint:errcheck // the same
		close(began)
		<-r.Context().Done()    // as pprof waits
		w.Write(canned()[100:]) //nolint:errcheck // the client finds out
	})
	name := filepath.Join(t.TempDir(), "trace")
	cmd := command(t, ".", "record", "-o", name, "--seconds", "1000", server.URL)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-began
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() //nolint:errcheck // the status is looked at instead
	if got, err := os.ReadFile(name); cmd.ProcessState.ExitCode() != exitInterrupted || !strings.HasSuffix(stderr.String(), "are whole\nrunq: interrupted\n") || err != nil || !bytes.Equal(got, canned()) {
		t.Errorf("%v, error %q; the file has %d bytes, %v", cmd.ProcessState, stderr.String(), len(got), err)
	}
}

// freeAddress returns an address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRecordProgram runs a program, records it, and ends it.
func TestRecordProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name, address := filepath.Join(t.TempDir(), "trace"), freeAddress(t)
	stdout, stderr, status := runCommand(t, ".", "record", "-o", name, "--seconds", "0.05", "--addr", address, "--", self, beServer, address)
	if status != exitOK || stdout != "asked\nbye\n" {
		t.Fatalf("status %d, output %q, error %q", status, stdout, stderr)
	}
	if stdout, stderr, status := runHere("validate", name); status != exitOK {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	address = freeAddress(t)
	_, stderr, status = runCommand(t, ".", "record", "-o", name, "--addr", address, "--", self, beServer, address, "die")
	if status != exitFailed || !strings.Contains(stderr, "are kept; the recording is cut off") || !strings.Contains(stderr, "has ended with exit status 3 while it was recorded") {
		t.Errorf("a program that ends: status %d, error %q", status, stderr)
	}
	_, stderr, status = runCommand(t, ".", "record", "-o", name, "--addr", address, "--", self, "-test.run=^$")
	if status != exitFailed || !strings.Contains(stderr, "before anybody answered at "+address) {
		t.Errorf("a program that doesn't serve: status %d, error %q", status, stderr)
	}
	server := traceServer(t, http.NotFound)
	taken := strings.TrimPrefix(server.URL, "http://")
	_, stderr, status = runCommand(t, ".", "record", "-o", name, "--addr", taken, "--", self, beServer, taken)
	if status != exitFailed || !strings.Contains(stderr, "something else answers at "+taken) {
		t.Errorf("an address that is taken: status %d, error %q", status, stderr)
	}
}

// TestOpenEnded: an interrupt is the usual end of a recording that has no other.
func TestOpenEnded(t *testing.T) {
	from, err := newRemote("host", untilEnd, false)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{from: from, began: time.Now()}
	if fraction, label := r.progress(); fraction != 0 || !strings.Contains(label, "Ctrl-C ends it") {
		t.Errorf("the progress is %v, %q", fraction, label)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	o := &recordOptions{output: "file"}
	if err := o.conclude(ctx, &stderr, 1<<20, r.openEnded(), nil); err != nil || stderr.String() != "runq: file: 1.0 MiB recorded\n" {
		t.Errorf("%v, %q", err, stderr.String())
	}
	if err := o.conclude(ctx, &stderr, 1<<20, false, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
