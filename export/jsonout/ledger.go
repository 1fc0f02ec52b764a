package jsonout

import (
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/event"
)

// ledgerReport says where the time of all waits went.
type ledgerReport struct {
	Source  string   `json:"source" doc:"what was read"`
	Blind   []string `json:"blind" doc:"what the source can't see, in words"`
	Length  int64    `json:"length_ns" doc:"of the recording"`
	Events  uint64   `json:"events" doc:"how many there are"`
	Losses  uint64   `json:"losses" doc:"stretches in which events are missing"`
	Dropped uint64   `json:"dropped" doc:"waits of which nothing is known because of that"`
	Procs   int      `json:"procs" doc:"Ps that were seen"`

	All    sum         `json:"all" doc:"all waits"`
	Groups []taskGroup `json:"groups" doc:"by group of tasks, those that were late for longest first"`
	Whys   []sum       `json:"reasons" doc:"by what began the wait, the longest first"`
	Queues []sum       `json:"queues" doc:"by the queue in which tasks were ready"`
	Worst  []story     `json:"worst" doc:"the waits that were ready for longest before they ran"`
}

// sum sums up waits.
type sum struct {
	Name    string      `json:"name" doc:"of what these are the waits"`
	Waits   uint64      `json:"waits" doc:"how many"`
	Partial uint64      `json:"partial" doc:"of them, those that began before the recording"`
	Open    uint64      `json:"open" doc:"of them, those that hadn't ended when the recording did"`
	Parts   parts       `json:"parts" doc:"what their time went to"`
	Late    int64       `json:"late_ns" doc:"from ready to running, in all"`
	Lates   percentiles `json:"late" doc:"the same, one by one"`
	Lengths percentiles `json:"lengths" doc:"of whole waits"`
}

// taskGroup sums up the waits of a group of tasks.
type taskGroup struct {
	sum
	System     bool     `json:"system" doc:"the tasks are the runtime's own"`
	Ran        int64    `json:"ran_ns" doc:"how long they had a P"`
	LongestRun int64    `json:"longest_run_ns" doc:"at most at once"`
	HeldUp     int64    `json:"held_up_ns" doc:"how long others waited in the queue of that P meanwhile, added up"`
	Whys       []reason `json:"reasons" doc:"by what began the wait"`
}

// reason is the share of one reason in a group's waits.
type reason struct {
	Why   string `json:"reason" doc:"what began the wait"`
	Waits uint64 `json:"waits" doc:"how many"`
	Parts parts  `json:"parts" doc:"what their time went to"`
}

// story is one wait.
type story struct {
	Number uint64       `json:"wait" doc:"its number, in the order in which waits end"`
	Task   event.TaskID `json:"task" doc:"who waited"`
	Group  string       `json:"group" doc:"of that task"`
	Why    string       `json:"reason" doc:"what began the wait"`
	At     int64        `json:"at_ns" doc:"when the task became ready, from the recording's beginning"`
	Late   int64        `json:"late_ns" doc:"how long it was ready then"`
	Length int64        `json:"length_ns" doc:"of the whole wait"`
	Parts  parts        `json:"parts" doc:"what that time went to"`
	Queue  *int32       `json:"queue" doc:"the P in whose queue it was ready; null: in nobody's"`
	Behind []holder     `json:"behind" doc:"who ran there meanwhile, the longest first, three at most"`
	Others int          `json:"others" doc:"tasks of the group to which the same happened at the same time"`
	Text   string       `json:"text" doc:"all of that in words"`
}

// holder is a task that ran while another one waited.
type holder struct {
	Task   event.TaskID `json:"task" doc:"who"`
	Group  string       `json:"group" doc:"of that task"`
	Ran    int64        `json:"ran_ns" doc:"how long, of the time that the other one was ready"`
	Slices int          `json:"stretches" doc:"in how many pieces"`
}

func ofLedger(r *ledger.Report) ledgerReport {
	return ledgerReport{
		Source: r.Source, Blind: each(r.Blind, same[string]), Length: r.Length, Events: r.Events, Losses: r.Losses, Dropped: r.Dropped,
		Procs: r.Procs, All: ofSum(&r.All), Groups: each(r.Groups, ofGroup), Whys: each(r.Whys, ofSum), Queues: each(r.Queues, ofSum),
		Worst: each(r.Worst, ofStory),
	}
}

func ofSum(s *ledger.Sum) sum {
	return sum{
		Name: s.Name, Waits: s.Waits, Partial: s.Partial, Open: s.Open, Parts: ofParts(&s.Parts), Late: s.Late,
		Lates: ofPercentiles(&s.LateTimes), Lengths: ofPercentiles(&s.Lengths),
	}
}

func ofGroup(g *ledger.Group) taskGroup {
	return taskGroup{
		sum: ofSum(&g.Sum), System: g.System, Ran: g.Ran, LongestRun: g.LongestRun, HeldUp: g.HeldUp,
		Whys: each(g.Whys, func(y *ledger.Reason) reason { return reason{Why: y.Why, Waits: y.Waits, Parts: ofParts(&y.Parts)} }),
	}
}

func ofStory(s *ledger.Story) story {
	return story{
		Number: s.Number, Task: s.Task, Group: s.Group, Why: s.Why, At: s.At, Late: s.Late, Length: s.Length, Parts: ofParts(&s.Parts),
		Queue: procID(s.Queue), Others: s.Others, Text: s.Text,
		Behind: each(s.Behind, func(h *ledger.Holder) holder {
			return holder{Task: h.Task, Group: h.Group, Ran: h.Ran, Slices: h.Slices}
		}),
	}
}
