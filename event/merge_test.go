package event

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// at makes an event of a task, for which only the order matters.
func at(time int64, task TaskID, seq uint32) Event {
	return Event{Time: time, Task: task, Seq: seq, Kind: KindTaskYielded, P: NoP, M: NoM}
}

// line writes what tests compare: the order, and what was lost.
func line(events []Event) string {
	s := ""
	for _, e := range events {
		switch {
		case e.Kind == KindLost:
			s += fmt.Sprintf(" lost(%v:%d)", e.Task, e.Arg)
		case e.Seq == 0:
			s += fmt.Sprintf(" @%d", e.Time)
		default:
			s += fmt.Sprintf(" %v#%d", e.Task, e.Seq)
		}
	}
	return s
}

func TestMerge(t *testing.T) {
	whole := func(time int64, task TaskID) []Event {
		s := []Event{at(time, task, 1), at(time, task, 2), at(time, task, 3)}
		s[2].Kind = KindTaskFinished
		return s
	}
	release, acquire := Event{Time: 5, Kind: KindProcReleased, Task: 1, Seq: 1}, Event{Time: 5, Kind: KindProcAcquired, Task: 2, Seq: 1}
	tests := []struct {
		name    string
		streams [][]Event
		want    string
	}{
		{"nothing", nil, ""},
		{"empty streams", [][]Event{{}, {at(1, 1, 1)}, nil}, " G1#1"},
		{"by time", [][]Event{{at(1, 1, 1), at(4, 1, 2)}, {at(2, 2, 1), at(3, 2, 2)}}, " G1#1 G2#1 G2#2 G1#2"},
		{"equal times: the earlier stream", [][]Event{{at(1, 1, 1)}, {at(1, 2, 1)}}, " G1#1 G2#1"},
		{"equal times: release before acquire", [][]Event{{acquire}, {release}}, " G1#1 G2#1"},
		{"seq before time", [][]Event{{at(5, 1, 1)}, {at(1, 1, 2)}}, " G1#1 G1#2"},
		{"a held stream is held whole", [][]Event{{at(5, 1, 1)}, {at(1, 1, 2), at(2, 2, 1)}, {at(3, 3, 1)}}, " G3#1 G1#1 G1#2 G2#1"},
		{"late events keep their place", [][]Event{{at(5, 1, 1), at(1, 2, 1)}, {at(3, 3, 1)}}, " G3#1 G1#1 G2#1"},
		{"two streams wait for one task", [][]Event{{at(9, 1, 1)}, {at(1, 1, 3)}, {at(2, 1, 2)}}, " G1#1 G1#2 G1#3"},
		{"began before the window", [][]Event{{at(5, 1, 7)}, {at(1, 1, 8)}}, " G1#7 G1#8"},
		{"a gap", [][]Event{{at(1, 1, 1)}, {at(2, 1, 5), at(3, 1, 6)}}, " G1#1 lost(G1:3) G1#5 G1#6"},
		{"a gap doesn't stop the others", [][]Event{{at(1, 1, 1), at(9, 2, 1)}, {at(2, 1, 5)}}, " G1#1 lost(G1:3) G1#5 G2#1"},
		{"a gap, and order across it", [][]Event{{at(9, 1, 1), at(9, 1, 4)}, {at(1, 1, 6)}}, " G1#1 lost(G1:2) G1#4 lost(G1:1) G1#6"},
		{"whole lives", [][]Event{whole(5, 1), whole(4, 2)}, " G2#1 G2#2 G2#3 G1#1 G1#2 G1#3"},
		{"not of a task", [][]Event{{at(5, 0, 0)}, {at(4, 0, 0), at(6, 0, 0)}}, " @4 @5 @6"},
		{"a contradiction", [][]Event{{at(1, 1, 2), at(2, 2, 1)}, {at(3, 2, 2), at(4, 1, 1)}}, " G1#2 G2#1 G2#2 G1#1"},
		{"doubled", [][]Event{{at(1, 1, 1), at(2, 1, 3)}, {at(3, 1, 1)}}, " G1#1 G1#1 lost(G1:1) G1#3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := make([][]Event, len(test.streams))
			for i, s := range test.streams {
				before[i] = slices.Clone(s)
			}
			if got := line(Merge(nil, test.streams...)); got != test.want {
				t.Errorf("\n got%s\nwant%s", got, test.want)
			}
			for i := range before {
				if !slices.Equal(before[i], test.streams[i]) {
					t.Errorf("Merge changed its argument %d", i)
				}
			}
		})
	}
}

func TestMergeAppends(t *testing.T) {
	got := Merge([]Event{at(9, 9, 9)}, []Event{at(1, 1, 1)})
	if line(got) != " G9#9 G1#1" {
		t.Errorf("got%s", line(got))
	}
}

// streams makes a true order of events of some tasks, and hands each to a
// random stream; times are rounded down, as those of a coarse clock.
func streams(r *rand.Rand, tasks, events, n int, beat int64) [][]Event {
	out := make([][]Event, n)
	seqs := make([]uint32, tasks)
	for i := range events {
		task := r.IntN(tasks)
		seqs[task]++
		e := at(int64(i), TaskID(task+1), seqs[task])
		if r.IntN(2) == 0 {
			e.Time -= e.Time % beat
			e.Coarse = true
		}
		k := r.IntN(n)
		out[k] = append(out[k], e)
	}
	return out
}

// TestMergeRandom merges streams that tell, in spite of coarse times, of one
// true order; then the same ones with losses.
func TestMergeRandom(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		in := streams(r, 1+r.IntN(10), 500, 1+r.IntN(6), 1+r.Int64N(50))
		checkMerge(t, seed, in, false)
		for i := range in { // what a ring loses is the oldest part of a stream
			in[i] = in[i][min(len(in[i]), r.IntN(80)):]
		}
		checkMerge(t, seed, in, true)
		for i := range in { // anything at all may be missing
			in[i] = slices.DeleteFunc(in[i], func(Event) bool { return r.IntN(10) == 0 })
		}
		checkMerge(t, seed, in, true)
	}
}

func checkMerge(t *testing.T, seed uint64, in [][]Event, lossy bool) {
	t.Helper()
	out := Merge(nil, in...)
	seqs := make(map[TaskID]uint32)
	total, got := 0, 0
	for _, s := range in {
		total += len(s)
	}
	for _, e := range out {
		prev := seqs[e.Task]
		if e.Kind == KindLost {
			if !lossy {
				t.Fatalf("seed %d: a loss that isn't one: %v", seed, e)
			}
			seqs[e.Task] = prev + uint32(e.Arg)
			continue
		}
		got++
		if prev != 0 && e.Seq != prev+1 {
			t.Fatalf("seed %d: %v follows Seq %d", seed, e, prev)
		}
		seqs[e.Task] = e.Seq
	}
	if got != total {
		t.Fatalf("seed %d: %d events came out of %d", seed, got, total)
	}
	for i, s := range in {
		k := 0
		for _, e := range out {
			if k < len(s) && e == s[k] {
				k++
			}
		}
		if k != len(s) {
			t.Fatalf("seed %d: stream %d isn't in its order in the result, from its event %d on", seed, i, k)
		}
	}
}

// TestMergeAnything feeds streams in no order at all: all events must come out.
func TestMergeAnything(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		in := streams(r, 1+r.IntN(5), 200, 1+r.IntN(4), 10)
		total := 0
		for _, s := range in {
			r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
			total += len(s)
		}
		out := slices.DeleteFunc(Merge(nil, in...), func(e Event) bool { return e.Kind == KindLost })
		if len(out) != total {
			t.Fatalf("seed %d: %d events came out of %d", seed, len(out), total)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	in := streams(rand.New(rand.NewPCG(1, 1)), 1000, 100_000, 8, 100)
	var dst []Event
	for b.Loop() {
		dst = Merge(dst[:0], in...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100_000), "ns/event")
}
