package runqhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/runqhttp"
)

// endBlock is how a whole recording ends: the frame of an end block, but for its lengths
// and the checksum.
var endBlock = []byte{4, 0, 0, 0}

// isRecording tells whether it looks like a whole recording.
func isRecording(b []byte) bool {
	return bytes.HasPrefix(b, []byte("runq trace 0001\n")) && bytes.Contains(b[max(0, len(b)-40):], endBlock)
}

// debugServer serves the pages of s below /debug/runq/.
func debugServer(t *testing.T, s *runq.Scheduler, f *runq.FlightRecorder) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("/debug/runq/", runqhttp.DebugHandler(s, f))
	srv, _ := serve(t, mux, false)
	return srv
}

// page returns a page and its status.
func page(t *testing.T, srv *httptest.Server, path string) (int, string, http.Header) {
	t.Helper()
	r, err := srv.Client().Get(srv.URL + "/debug/runq/" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body), r.Header
}

func TestDebugPages(t *testing.T) {
	s := newScheduler(t, runq.Config{Procs: 2, Trace: true})
	f, err := s.FlightRecorder(runq.FlightRecorderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	s.Go(func(t *runq.Task) {
		t.SetLabel("the one that waits")
		t.Block(func() { <-release })
	})
	defer close(release)
	for s.Stats().Blocks == 0 {
		time.Sleep(time.Millisecond)
	}
	srv := debugServer(t, s, f)
	for path, want := range map[string][]string{
		"":                    {"text/html", `href="snapshot"`, `href="flightrecorder"`, "<td>live tasks</td><td>1</td>"},
		"snapshot":            {"text/plain", "the one that waits"},
		"snapshot?cheap":      {"text/plain", "the one that waits"},
		"snapshot?json":       {"application/json", `"Label": "the one that waits"`, `"State": "blocked"`, `"Consistent": true`},
		"snapshot?json&cheap": {"application/json", `"Consistent": false`},
		"stats":               {"application/json", `"Spawned": 1`, `"Weak": ""`, `"Ungrouped": ""`},
	} {
		status, body, header := page(t, srv, path)
		body += header.Get("Content-Type")
		for _, text := range want {
			if status != http.StatusOK || !strings.Contains(body, text) {
				t.Errorf("%s: status %d, without %q:\n%s", path, status, text, body)
			}
		}
		if strings.Contains(path, "json") && !json.Valid([]byte(strings.TrimSuffix(body, header.Get("Content-Type")))) {
			t.Errorf("%s isn't valid JSON", path)
		}
	}
	for _, path := range []string{"flightrecorder", "trace?seconds=0.01"} {
		status, body, header := page(t, srv, path)
		if status != http.StatusOK || !isRecording([]byte(body)) || !strings.Contains(header.Get("Content-Disposition"), ".runq") {
			t.Errorf("%s: status %d, %d bytes, %v", path, status, len(body), header)
		}
	}
}

func TestDebugRefuses(t *testing.T) {
	s := newScheduler(t, runq.Config{Procs: 1})
	srv := debugServer(t, s, nil)
	closed := newScheduler(t, runq.Config{Procs: 1, Trace: true})
	closed.Close()
	closedSrv := debugServer(t, closed, nil)
	for _, c := range []struct {
		srv    *httptest.Server
		path   string
		status int
		want   string
	}{
		{srv, "nothing", http.StatusNotFound, `no page "nothing"`},
		{srv, "flightrecorder", http.StatusNotFound, "no flight recorder"},
		{srv, "trace", http.StatusNotImplemented, "Config.Trace"},
		{srv, "trace?seconds=0", http.StatusBadRequest, "positive"},
		{srv, "trace?seconds=-1", http.StatusBadRequest, "positive"},
		{srv, "trace?seconds=NaN", http.StatusBadRequest, "positive"},
		{srv, "trace?seconds=1e30", http.StatusBadRequest, "positive"},
		{srv, "trace?seconds=x", http.StatusBadRequest, `"x"`},
		{closedSrv, "trace", http.StatusServiceUnavailable, "closed"},
	} {
		status, body, header := page(t, c.srv, c.path)
		if status != c.status || !strings.Contains(body, c.want) || header.Get("Content-Disposition") != "" {
			t.Errorf("%s: status %d, not %d; %q; %v", c.path, status, c.status, body, header)
		}
	}
	if _, body, _ := page(t, srv, ""); !strings.Contains(body, "there is no flight recorder") {
		t.Errorf("the index is\n%s", body)
	}
}

// A trace ends with its client.
func TestDebugTraceClientGone(t *testing.T) {
	s := newScheduler(t, runq.Config{Procs: 1, Trace: true})
	ended := make(chan struct{})
	h := runqhttp.DebugHandler(s, nil)
	srv, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	}), false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/trace?seconds=100000", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	head := make([]byte, 10) // the beginning comes at once
	if _, err := io.ReadFull(r.Body, head); err != nil || string(head) != "runq trace" {
		t.Fatalf("it begins with %q; %v", head, err)
	}
	cancel()
	<-ended
}

// Without a scheduler it is the default one.
func TestDebugDefault(t *testing.T) {
	srv, _ := serve(t, runqhttp.DebugHandler(nil, nil), false)
	r, err := srv.Client().Get(srv.URL + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("the status is %d", r.StatusCode)
	}
}
