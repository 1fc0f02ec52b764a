package profile

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/eventtext"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/internal/leak"
	"github.com/runq-go/runq/observe/gotrace"
)

func TestMain(m *testing.M) { leak.Main(m, leak.Budget{}) }

// delays writes a profile and reads it again, and returns its delays by stack, labels and
// all: "by group=... reason=...: main.f<main.main".
func delays(t *testing.T, p *profile.Profile) map[string]int64 {
	t.Helper()
	var data bytes.Buffer
	if err := p.Write(&data); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&data)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	of := make(map[string]int64)
	for _, s := range p.Sample {
		var names, labels []string
		for _, l := range s.Location {
			names = append(names, l.Line[0].Function.Name)
		}
		for k, v := range s.Label {
			labels = append(labels, k+"="+v[0])
		}
		slices.Sort(labels)
		key := strings.Join(names, "<") + " " + strings.Join(labels, " ")
		if s.Value[0] <= 0 || s.Value[1] <= 0 {
			t.Errorf("%s: %v", key, s.Value)
		}
		of[key] += s.Value[1]
	}
	return of
}

const sample = `
0 ProcSeen P0 M1
0 TaskSeenRunning G1 P0 M1 stack=main.hog
0 TaskSeenWaiting G2 stack=main.worker
0 TaskSeenWaiting G9 stack=runtime.bgsweep
1ms  TaskReadied G2 P0 M1 WakeTask waker=G1 by=main.send@s.go:4<main.hog
1ms  TaskReadied G9 P0 M1 WakeTimer
3ms  TaskYielded G1 P0 M1 Preempted stack=main.spin@h.go:1<main.hog
3ms  TaskResumed G2 P0 M1
4ms  TaskParked G2 P0 M1 WaitChanRecv stack=runtime.chanrecv<main.get@w.go:9<main.worker
4ms  TaskResumed G1 P0 M1
5ms  TaskReadied G2 P0 M1 WakeTimer
7ms  TaskCreated G3 P0 M1 parent=G1 stack=main.child by=main.start@h.go:7<main.hog
9ms  TaskBlocked G1 P0 M1 stack=syscall.Read<main.load@h.go:8<main.hog
10ms TaskUnblocked G1 P0 M1
12ms TaskFinished G1 P0 M1 EndReturn
12ms TaskResumed G2 P0 M1
13ms TaskFinished G2 P0 M1 EndReturn
20ms ProcReleased P0 M1
`

func TestProfiles(t *testing.T) {
	p := New(Options{})
	if err := analyze.Run(eventtext.Source(t, sample), p); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		of   *profile.Profile
		want map[string]int64
	}{
		{"Late", p.Late(), map[string]int64{
			"main.worker group=main.worker reason=waiting from the start":                    2e6,
			"main.spin<main.hog group=main.hog reason=preempted":                             1e6,
			"runtime.chanrecv<main.get<main.worker group=main.worker reason=channel receive": 7e6,
			"main.child group=main.child reason=new":                                         13e6,
		}},
		{"LateByWaker", p.LateByWaker(), map[string]int64{
			"main.send<main.hog by=main.hog group=main.worker reason=waiting from the start": 2e6,
			"(nobody had to wake it: preempted) by=(nobody) group=main.hog reason=preempted": 1e6,
			"(a timer) by=(a timer) group=main.worker reason=channel receive":                7e6,
			"main.start<main.hog by=main.hog group=main.child reason=new":                    13e6,
		}},
		{"Blocked", p.Blocked(), map[string]int64{
			"main.worker group=main.worker reason=waiting from the start":                    1e6,
			"runtime.chanrecv<main.get<main.worker group=main.worker reason=channel receive": 1e6,
		}},
		{"BlockedByWaker", p.BlockedByWaker(), map[string]int64{
			"main.send<main.hog by=main.hog group=main.worker reason=waiting from the start": 1e6,
			"(a timer) by=(a timer) group=main.worker reason=channel receive":                1e6,
		}},
		{"Calls", p.Calls(), map[string]int64{"syscall.Read<main.load<main.hog group=main.hog reason=blocking call": 1e6}},
	} {
		got := delays(t, test.of)
		for key, want := range test.want {
			if got[key] != want {
				t.Errorf("%s has %d of %s, not %d", test.name, got[key], key, want)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("%s has %v", test.name, got)
		}
		if test.of.DurationNanos != 20e6 || test.of.Comments[1] != "text" {
			t.Errorf("%s: %v", test.name, test.of)
		}
	}
}

// TestRecordings: profiles add up to what the ledger says.
func TestRecordings(t *testing.T) {
	names, err := filepath.Glob("../../analyze/testdata/*.trace")
	if err != nil || len(names) < 9 {
		t.Fatalf("there are %d recordings: %v", len(names), err)
	}
	for _, name := range names {
		for _, system := range []bool{false, true} {
			src, err := gotrace.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			led, p := ledger.New(ledger.Options{}), New(Options{System: system})
			if err := analyze.Run(src, led, p); err != nil {
				t.Fatal(err)
			}
			var all analyze.Parts
			for _, g := range led.Report().Groups {
				if system || !g.System {
					all.Add(&g.Parts)
				}
			}
			for i, of := range []*profile.Profile{p.Late(), p.LateByWaker(), p.Blocked(), p.BlockedByWaker(), p.Calls()} {
				want := [...]int64{all.Late(), all.Late(), all[analyze.PartEvent], all[analyze.PartEvent], all[analyze.PartInCall]}[i]
				var got int64
				for _, ns := range delays(t, of) {
					got += ns
				}
				if got != want {
					t.Errorf("%s, system %v: profile %d has %d, and the ledger %d", name, system, i, got, want)
				}
			}
		}
	}
}

// TestBound: what finds no room is counted together.
func TestBound(t *testing.T) {
	m := make(sums)
	for i := range maxKeys + 10 {
		m.of(key{group: event.StringID(i + 1)}).late.add(1)
	}
	if len(m) != maxKeys+1 || m[key{}].late != (value{10, 10}) {
		t.Errorf("%d samples; the last one is %v", len(m), m[key{}])
	}
}

// TestUnread: before anything has been read, profiles are empty and valid.
func TestUnread(t *testing.T) {
	if got := delays(t, New(Options{}).Late()); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
}
