package runqhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/runq-go/runq"
)

// DebugHandler returns a handler that shows what a scheduler does, for a server's pages
// that aren't for everybody, beside net/http/pprof:
//
//	mux.Handle("/debug/runq/", runqhttp.DebugHandler(s, nil))
//
// It goes by the last part of the path, so that it can be mounted anywhere:
//
//	/                 links, and the most important figures
//	/snapshot         every task, M and P, as text; ?json; ?cheap doesn't stop the world
//	/stats            the figures, as JSON
//	/trace?seconds=5  records for so long, as fast as it comes, and ends when the client goes
//	/flightrecorder   what flight has kept
//
// The last two are files of the format of docs/trace-format.md, which the command runq and
// package observe/runqtrace read. They need Config.Trace.
//
// s is the scheduler, nil means runq.Default(). flight is what /flightrecorder serves; it
// may be nil, when there is none. A trace asks the server for as much time as it takes,
// whatever its WriteTimeout is; a client that doesn't read for some seconds ends it.
func DebugHandler(s *runq.Scheduler, flight *runq.FlightRecorder) http.Handler {
	return &debug{s: s, flight: flight}
}

type debug struct {
	s      *runq.Scheduler // nil: the default one
	flight *runq.FlightRecorder
}

func (d *debug) scheduler() *runq.Scheduler {
	if d.s == nil {
		return runq.Default()
	}
	return d.s
}

// ServeHTTP implements http.Handler.
func (d *debug) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	page := ""
	if !strings.HasSuffix(r.URL.Path, "/") {
		page = path.Base(r.URL.Path)
	}
	switch page {
	case "":
		d.index(w)
	case "snapshot":
		d.snapshot(w, r)
	case "stats":
		writeJSON(w, statsForJSON(d.scheduler().Stats()))
	case "trace":
		d.trace(w, r)
	case "flightrecorder":
		d.flightRecorder(w)
	default:
		http.Error(w, fmt.Sprintf("there is no page %q: there are snapshot, stats, trace, flightrecorder", page), http.StatusNotFound)
	}
}

var indexPage = template.Must(template.New("index").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>runq</title>
<style>body{font:15px/1.5 sans-serif;margin:2em}td{padding:0 1.5em 0 0}td+td{text-align:right}</style></head><body>
<h1>runq</h1>
<ul>
<li><a href="snapshot">snapshot</a>: every task, M and P (<a href="snapshot?cheap">without stopping anything</a>, <a href="snapshot?json">JSON</a>)</li>
<li><a href="stats">stats</a>: the figures, as JSON</li>
<li><a href="trace?seconds=5">trace</a>: record for five seconds; open it with <code>runq report</code></li>
<li>{{if .Flight}}<a href="flightrecorder">flightrecorder</a>: what happened last{{else}}there is no flight recorder{{end}}</li>
</ul>
<table>{{range .Figures}}<tr><td>{{.Name}}</td><td>{{.Value}}</td></tr>
{{end}}</table></body></html>
`))

// figure is a line of the index page.
type figure struct {
	Name  string
	Value any
}

func (d *debug) index(w http.ResponseWriter) {
	st := d.scheduler().Stats()
	figures := []figure{
		{"Ps", st.Procs}, {"idle Ps", st.Idle}, {"threads", st.Threads}, {"live tasks", st.Live}, {"tasks spawned", st.Spawned},
		{"tasks in blocking calls", st.Blocked}, {"overrun tasks", st.Overrun}, {"events lost", st.EventsLost},
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	indexPage.Execute(w, map[string]any{"Flight": d.flight != nil, "Figures": figures}) // its error is the client's
}

func (d *debug) snapshot(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var snap runq.Snapshot
	if query.Has("cheap") {
		snap = d.scheduler().SnapshotCheap()
	} else {
		snap = d.scheduler().Snapshot()
	}
	if query.Has("json") {
		writeJSON(w, snapshotForJSON(snap))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, snap.String())
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	e.Encode(v) // its error is the client's
}

// Where a value says little as a number, its name stands in JSON.
type (
	taskJSON struct {
		runq.TaskInfo
		State, Reason string
	}
	snapshotJSON struct {
		runq.Snapshot
		Stats statsJSON
		Tasks []taskJSON
	}
	backgroundJSON struct {
		runq.BackgroundStats
		Weak, Ungrouped string
	}
	statsJSON struct {
		runq.Stats
		Background backgroundJSON
	}
)

func statsForJSON(st runq.Stats) statsJSON {
	out := statsJSON{Stats: st, Background: backgroundJSON{BackgroundStats: st.Background}}
	if err := st.Background.Weak; err != nil {
		out.Background.Weak = err.Error()
	}
	if err := st.Background.Ungrouped; err != nil {
		out.Background.Ungrouped = err.Error()
	}
	return out
}

func snapshotForJSON(snap runq.Snapshot) snapshotJSON {
	out := snapshotJSON{Snapshot: snap, Stats: statsForJSON(snap.Stats), Tasks: make([]taskJSON, 0, len(snap.Tasks))}
	for _, t := range snap.Tasks {
		out.Tasks = append(out.Tasks, taskJSON{TaskInfo: t, State: t.State.String(), Reason: t.Reason.String()})
	}
	return out
}

func (d *debug) flightRecorder(w http.ResponseWriter) {
	if d.flight == nil {
		http.Error(w, "there is no flight recorder: give DebugHandler one", http.StatusNotFound)
		return
	}
	asFile(w, "flight.runq")
	d.flight.WriteTo(w) // its error is the client's
}

func asFile(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

// defaultSeconds is how long a trace is when nothing is said: as long as pprof's profiles
// are said to be good for, a few thousand slices.
const defaultSeconds = 5

// stalled is how long a client may take to read what is written at once. Until then it
// holds up who closes the scheduler.
const stalled = 5 * time.Second

// trace records until the time is over or the client has gone.
func (d *debug) trace(w http.ResponseWriter, r *http.Request) {
	seconds := float64(defaultSeconds)
	if text := r.FormValue("seconds"); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n > 0) || n > math.MaxInt64/float64(time.Second) {
			http.Error(w, fmt.Sprintf("seconds is %q: it must be a positive number", text), http.StatusBadRequest)
			return
		}
		seconds = n
	}
	asFile(w, "trace.runq")
	rc := http.NewResponseController(w)
	defer rc.SetWriteDeadline(time.Time{}) // the connection may be used again
	rec, err := d.scheduler().Record(&flushing{to: w, rc: rc})
	if err != nil {
		w.Header().Del("Content-Disposition")
		status := http.StatusNotImplemented
		if errors.Is(err, runq.ErrClosed) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), status)
		return
	}
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	if rec.Stop() != nil {
		panic(http.ErrAbortHandler) // so that the client doesn't take it for whole
	}
}

// flushing lets the client have at once what is written, and gives it a time for that.
type flushing struct {
	to io.Writer
	rc *http.ResponseController
}

func (f *flushing) Write(p []byte) (int, error) {
	f.rc.SetWriteDeadline(time.Now().Add(stalled)) // not to be had from every server
	n, err := f.to.Write(p)
	if err == nil {
		f.rc.Flush() // likewise
	}
	return n, err
}
