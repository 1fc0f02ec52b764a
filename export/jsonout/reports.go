package jsonout

import (
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/diff"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/analyze/wakechain"
	"github.com/runq-go/runq/event"
)

// verdictReport is what is wrong.
type verdictReport struct {
	Length   int64     `json:"length_ns" doc:"of the recording"`
	Findings []finding `json:"findings" doc:"what costs most first; empty: nothing stands out"`
}

type finding struct {
	Kind      verdict.Kind `json:"kind" doc:"what sort of finding: \"starvation\", \"long-holder\", …"`
	Culprit   string       `json:"culprit" doc:"who does it: a group of tasks, or \"timers\", \"P3\", \"the collector\""`
	Place     string       `json:"place,omitempty" doc:"where in the program, if known"`
	What      string       `json:"what" doc:"what happens, in a sentence"`
	Threshold string       `json:"threshold" doc:"from where on this is reported"`
	Evidence  []string     `json:"evidence" doc:"what was seen, in words"`
	At        int64        `json:"at_ns" doc:"when to look at it, from the beginning of the recording"`
	Share     float64      `json:"share" doc:"the time that is lost to it, over all tasks, as a share of the recording's length"`
}

func ofVerdict(r *verdict.Report) verdictReport {
	return verdictReport{Length: r.Length, Findings: each(r.Findings, func(f *verdict.Finding) finding {
		return finding{
			Kind: f.Kind, Culprit: f.Culprit, Place: f.Place, What: f.What, Threshold: f.Threshold,
			Evidence: each(f.Evidence, same[string]), At: f.At, Share: f.Share,
		}
	})}
}

// callsReport is about blocking calls.
type callsReport struct {
	Length int64  `json:"length_ns" doc:"of the recording"`
	Column int64  `json:"column_ns" doc:"how long a column of the heat maps is"`
	Calls  []call `json:"calls" doc:"those that took most, first"`
}

type call struct {
	Group   string  `json:"group" doc:"of the tasks that call"`
	Caller  string  `json:"caller,omitempty" doc:"where from, if known"`
	Entry   string  `json:"entry,omitempty" doc:"what is called, if known: \"C.name\" for C"`
	Cgo     bool    `json:"cgo" doc:"it is a call of C"`
	Count   uint64  `json:"count" doc:"how many calls"`
	Open    uint64  `json:"open" doc:"of them, those that hadn't come back when the recording ended"`
	Total   int64   `json:"total_ns" doc:"time in the calls"`
	P50     int64   `json:"p50_ns" doc:"half of the calls are at most this long"`
	P99     int64   `json:"p99_ns" doc:"99 % are"`
	Max     int64   `json:"max_ns" doc:"the longest"`
	WorstAt int64   `json:"longest_at_ns" doc:"when that began, from the beginning of the recording"`
	LostPs  uint64  `json:"lost_ps" doc:"calls from which the P was taken away"`
	LostFor int64   `json:"lost_for_ns" doc:"how long they went on then"`
	Late    int64   `json:"late_ns" doc:"how long the tasks waited for a P when they had come back"`
	Heat    []int64 `json:"heat_ns" doc:"time in the calls, by columns of column_ns from the beginning"`
}

func ofCalls(r *calls.Report) callsReport {
	return callsReport{Length: r.Length, Column: r.Column, Calls: each(r.Calls, func(c *calls.Call) call {
		return call{
			Group: c.Group, Caller: c.Caller, Entry: c.Entry, Cgo: c.Cgo, Count: c.Count, Open: c.Open, Total: c.Total,
			P50: c.P50, P99: c.P99, Max: c.Max, WorstAt: c.WorstAt, LostPs: c.LostPs, LostFor: c.LostFor, Late: c.Late,
			Heat: each(c.Heat, same[int64]),
		}
	})}
}

// chainsReport is about wakes.
type chainsReport struct {
	Paths []path `json:"paths" doc:"ways back from what was late, the longest first"`
	Wakes []wake `json:"wakes" doc:"who woke whom, the most frequent first"`
}

type path struct {
	Task   event.TaskID `json:"task" doc:"who was late"`
	Group  string       `json:"group" doc:"of that task"`
	Number uint64       `json:"wait,omitempty" doc:"the number of the wait; missing: it is a region"`
	From   int64        `json:"from_ns" doc:"when the time begins that is explained, from the beginning of the recording"`
	To     int64        `json:"to_ns" doc:"when it ends"`
	Late   int64        `json:"late_ns" doc:"how long the task was ready and didn't run; of a region, how long that took"`
	Cut    bool         `json:"cut" doc:"there are more steps, which are too many or aren't remembered"`
	Steps  []pathStep   `json:"steps" doc:"from the end back; they add up to to_ns - from_ns unless the path is cut"`
}

type pathStep struct {
	Task  event.TaskID `json:"task" doc:"who"`
	Group string       `json:"group" doc:"of that task"`
	Did   string       `json:"did" doc:"what it did: \"ran\", \"was late\", \"was in a call\", \"waited\", \"did what isn't known\""`
	From  int64        `json:"from_ns" doc:"since when, from the beginning of the recording"`
	To    int64        `json:"to_ns" doc:"until when"`
	At    string       `json:"place,omitempty" doc:"where in the program, if known; of \"ran\", where it woke the one before"`
	Why   string       `json:"reason,omitempty" doc:"of \"waited\": for what"`
	Parts *parts       `json:"parts,omitempty" doc:"of \"was late\": what the time of the whole wait's ready section went to"`
}

type wake struct {
	Waker  string `json:"waker" doc:"a group of tasks, \"a timer\", \"the network poller\", …"`
	By     string `json:"by,omitempty" doc:"where in the program it woke them, if known"`
	Woken  string `json:"woken" doc:"a group of tasks"`
	At     string `json:"place,omitempty" doc:"where those waited, if known"`
	Why    string `json:"reason" doc:"what for"`
	Count  uint64 `json:"count" doc:"how often"`
	Waited int64  `json:"waited_ns" doc:"until they were ready, added up"`
	Late   int64  `json:"late_ns" doc:"from then until they ran, added up"`
}

func ofChains(r *wakechain.Report) chainsReport {
	return chainsReport{Paths: each(r.Paths, ofPath), Wakes: each(r.Wakes, func(e *wakechain.Wake) wake {
		return wake{Waker: e.Waker, By: e.By, Woken: e.Woken, At: e.At, Why: e.Why, Count: e.Count, Waited: e.Waited, Late: e.Late}
	})}
}

func ofPath(p *wakechain.Path) path {
	return path{
		Task: p.Task, Group: p.Group, Number: p.Number, From: p.From, To: p.To, Late: p.Late, Cut: p.Cut, Steps: each(p.Steps, ofStep),
	}
}

func ofStep(s *wakechain.Step) pathStep {
	out := pathStep{Task: s.Task, Group: s.Group, Did: s.Did.String(), From: s.From, To: s.To, At: s.At, Why: s.Why}
	if s.Did == wakechain.Late {
		p := ofParts(&s.Parts)
		out.Parts = &p
	}
	return out
}

// diffReport is what differs between two recordings. Pairs are of the first and of the
// second one.
type diffReport struct {
	Lengths [2]int64       `json:"length_ns" doc:"of the recordings"`
	Waits   [2]uint64      `json:"waits" doc:"how many there are"`
	Late    [2]percentiles `json:"late" doc:"of all waits, from ready to running"`
	Changes []change       `json:"changes" doc:"the largest first"`
	Gone    []string       `json:"gone" doc:"groups that only the first recording has"`
	New     []string       `json:"new" doc:"groups that only the second one has"`
}

type change struct {
	Group string     `json:"group" doc:"whose waits these are"`
	Why   string     `json:"reason" doc:"what began them"`
	Part  string     `json:"part" doc:"which part of them: a name of parts, without _ns"`
	Waits [2]uint64  `json:"waits" doc:"how many"`
	Each  [2]float64 `json:"each_ns" doc:"the time for a wait"`
	Total float64    `json:"total_ns" doc:"what the difference makes in all waits of the second recording; below 0 if it got faster"`
}

func ofDiff(r *diff.Report) diffReport {
	return diffReport{
		Lengths: r.Lengths, Waits: r.Waits, Late: [2]percentiles{ofPercentiles(&r.Late[0]), ofPercentiles(&r.Late[1])},
		Gone: each(r.Gone, same[string]), New: each(r.New, same[string]),
		Changes: each(r.Changes, func(c *diff.Change) change {
			return change{Group: c.Group, Why: c.Why, Part: partName(c.Part), Waits: c.Waits, Each: c.Each, Total: c.Total}
		}),
	}
}
