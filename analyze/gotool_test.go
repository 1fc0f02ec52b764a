package analyze_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// goTool returns what `go tool trace` says of a recording: the sum of its profile of that
// sort, in ns, and how many times that was.
func goTool(t *testing.T, sort, name string) (ns, count int64) {
	t.Helper()
	profile, err := exec.Command("go", "tool", "trace", "-pprof="+sort, name).Output()
	if err != nil {
		t.Fatalf("go tool trace: %v", err)
	}
	file := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(file, profile, 0o644); err != nil {
		t.Fatal(err)
	}
	raw, err := exec.Command("go", "tool", "pprof", "-raw", file).Output()
	if err != nil {
		t.Fatalf("go tool pprof: %v", err)
	}
	_, samples, ok := bytes.Cut(raw, []byte("Samples:\n"))
	samples, _, ok2 := bytes.Cut(samples, []byte("Locations\n"))
	if !ok || !ok2 {
		t.Fatalf("go tool pprof writes something else:\n%s", raw)
	}
	for _, line := range strings.Split(string(samples), "\n") {
		values, _, ok := strings.Cut(line, ":")
		words := strings.Fields(values)
		if !ok || len(words) != 2 {
			continue // the headline
		}
		n, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		took, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		ns, count = ns+took, count+n
	}
	return ns, count
}

// TestGoTool: our totals are those of `go tool trace`.
func TestGoTool(t *testing.T) {
	if testing.Short() {
		t.Skip("it may have to build the tool")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command")
	}
	type total struct{ ns, count int64 }
	for _, name := range []string{"hog", "convoy", "timers", "server"} { // they have enough of everything
		file := filepath.Join("testdata", name+".trace")
		sums := make(map[string]*total)
		for _, sort := range []string{"sched", "sync", "net", "syscall"} {
			sums[sort] = new(total)
		}
		for _, d := range analyzeFile(t, file).books.waits {
			// It leaves out what hasn't ended, and all before it sees a goroutine run.
			if d.Ready < d.End && !d.Open && !d.Partial && d.Why.Kind != event.KindTaskCreated && d.Why.Kind != event.KindTaskCreatedWaiting {
				sums["sched"].ns += d.Late()
				sums["sched"].count++
			}
			if sort := sortOf(d.Why); sort != "" && (!d.Open || d.Ready < d.End) {
				sums[sort].ns += d.Parts[analyze.PartEvent] + d.Parts[analyze.PartInCall]
				sums[sort].count++
			}
		}
		for sort, ours := range sums {
			ns, count := goTool(t, sort, file)
			// Its reader makes times of equal events differ by 1 ns each, as ours does,
			// but may do so in other places; and what was ready when the recording
			// began it counts from a little later.
			slack := ns/1000 + 2*count + 100
			if off := ours.ns - ns; off > slack || off < -slack {
				t.Errorf("%s, %s: %d ns in %d waits, but go tool trace says %d in %d", name, sort, ours.ns, ours.count, ns, count)
			}
		}
	}
}

// sortOf says in which of its profiles what comes before being ready is.
func sortOf(y analyze.Why) string {
	switch y.Kind {
	case event.KindTaskBlocked:
		return "syscall"
	case event.KindTaskParked:
		switch y.Reason {
		case event.ReasonWaitChanRecv, event.ReasonWaitChanSend, event.ReasonWaitSelect, event.ReasonWaitSync, event.ReasonWaitCond:
			return "sync"
		case event.ReasonWaitNetwork:
			return "net"
		}
	}
	return ""
}
