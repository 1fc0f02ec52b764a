package ledger

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/runq-go/runq/analyze"
)

// Report is what a ledger says. Times are in ns.
type Report struct {
	Source  string   // what was read
	Blind   []string // what that can't see
	Length  int64    // of the recording
	Events  uint64
	Losses  uint64 // stretches in which events are missing
	Dropped uint64 // waits of which nothing is known because of that
	Procs   int    // Ps that were seen

	All    Sum     // all waits
	Groups []Group // by group of tasks: those that were late for longest first
	Whys   []Sum   // by what began the wait: the longest first
	Queues []Sum   // by the queue in which they waited
	Worst  []Story // the waits that were ready for longest before they ran
}

// Sum sums up waits.
type Sum struct {
	Name  string
	Waits uint64

	// Of them, those that began before the recording, and those that hadn't ended when
	// it did; their parts are what was seen.
	Partial, Open uint64

	Parts     analyze.Parts
	Late      int64       // from ready to running, in all
	LateTimes Percentiles // the same, one by one
	Lengths   Percentiles // of whole waits
}

// Percentiles describe how times are distributed.
type Percentiles struct{ P50, P90, P99, P999, Max int64 }

// Group sums up the waits of a group of tasks.
type Group struct {
	Sum
	System bool // of the runtime itself
	Whys   []Reason

	Ran        int64 // how long its tasks had a P
	LongestRun int64 // at most at once
	HeldUp     int64 // how long others waited in the queue of that P meanwhile, added up
}

// Reason is the share of one reason in a group's waits.
type Reason struct {
	Why   string
	Waits uint64
	Parts analyze.Parts
}

// Report returns what the ledger says: nil before the recording has been read.
func (l *Ledger) Report() *Report { return l.report }

// maxRows is how many groups the text shows: a screen.
const maxRows = 25

// Text writes the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d events, %d Ps\n", r.Source, analyze.Duration(r.Length), r.Events, r.Procs)
	if r.Losses != 0 {
		fmt.Fprintf(&b, "Events are missing in %d places; %d waits are left out because of that.\n", r.Losses, r.Dropped)
	}
	b.WriteString("\n" + r.Body())
	if len(r.Blind) != 0 {
		fmt.Fprintf(&b, "\nThe source doesn't say: %s.\n", strings.Join(r.Blind, "; "))
	}
	return b.String()
}

// Body writes the tables and the stories alone, without what they are of.
func (r *Report) Body() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Where the time of all %d waits went:\n", r.All.Waits)
	table(&b, func(t *tabwriter.Writer) {
		for p := range analyze.NumParts {
			if ns := r.All.Parts[p]; ns != 0 {
				fmt.Fprintf(t, "  %s\t%s\t\n", p.Text(), analyze.Duration(ns))
			}
		}
	})
	b.WriteString("\nTasks that were ready and didn't run, by group:\n")
	table(&b, func(t *tabwriter.Writer) {
		fmt.Fprint(t, "  group\twaits\tlate\tp50\tp99\tmax\tmost of it\tran\tholding up others for\t\n")
		shown := 0
		for i := range r.Groups {
			if g := &r.Groups[i]; !g.System && shown < maxRows {
				fmt.Fprintf(t, "  %s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", g.Name, g.Waits, analyze.Duration(g.Late), analyze.Duration(g.LateTimes.P50),
					analyze.Duration(g.LateTimes.P99), analyze.Duration(g.LateTimes.Max), mostly(&g.Parts), analyze.Duration(g.Ran), analyze.Duration(g.HeldUp))
				shown++
			}
		}
	})
	b.WriteString("\nWaits by reason:\n")
	table(&b, func(t *tabwriter.Writer) {
		fmt.Fprint(t, "  reason\twaits\tfor the event\tthen late\tlate p50\tp99\tmax\t\n")
		for i := range r.Whys {
			y := &r.Whys[i]
			fmt.Fprintf(t, "  %s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", y.Name, y.Waits, analyze.Duration(y.Parts.Total()-y.Late), analyze.Duration(y.Late),
				analyze.Duration(y.LateTimes.P50), analyze.Duration(y.LateTimes.P99), analyze.Duration(y.LateTimes.Max))
		}
	})
	b.WriteString("\nReady tasks by queue:\n")
	table(&b, func(t *tabwriter.Writer) {
		fmt.Fprint(t, "  queue\twaits\tlate\tp50\tp99\tmax\tmost of it\t\n")
		for i := range r.Queues {
			q := &r.Queues[i]
			fmt.Fprintf(t, "  %s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", q.Name, q.Waits, analyze.Duration(q.Late), analyze.Duration(q.LateTimes.P50),
				analyze.Duration(q.LateTimes.P99), analyze.Duration(q.LateTimes.Max), mostly(&q.Parts))
		}
	})
	if len(r.Worst) != 0 {
		fmt.Fprintf(&b, "\nThe %d waits that were ready for longest:\n", len(r.Worst))
	}
	for i := range r.Worst {
		fmt.Fprintf(&b, "%4d. %s\n", i+1, r.Worst[i].Text)
	}
	return b.String()
}

// table writes columns, the first one to the left and the others to the right.
func table(b *strings.Builder, rows func(t *tabwriter.Writer)) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	rows(t)
	t.Flush()
}

// mostly names the part that most of the time from ready to running went to.
func mostly(p *analyze.Parts) string {
	late := p.Late()
	if late == 0 {
		return "-"
	}
	most := analyze.PartBehind
	for i := analyze.PartBehind; i < analyze.NumParts; i++ {
		if p[i] > p[most] {
			most = i
		}
	}
	return fmt.Sprintf("%s %d%%", most, p[most]*100/late)
}
