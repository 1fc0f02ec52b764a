// Package diff compares two recordings of a program: what got slower, and where.
//
// Recordings are rarely of the same length, nor under the same load, so times are compared
// for one wait, not in all. What is compared are groups of tasks, and the reasons for which
// they wait, as their ledgers have them (see package ledger); what only one of the
// recordings has is listed, too.
package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/ledger"
)

const (
	// enough is how many waits there must be on both sides: the average of a few says
	// nothing.
	enough = 10

	// factor is by how much the time must differ: two recordings of the same load differ
	// by less.
	factor = 1.25

	// least is by how much it must differ in ns for a wait: below it is what the clock
	// and a few cache misses make.
	least = 1e3
)

// Report is what differs. Times are in ns.
type Report struct {
	Lengths [2]int64 // of the recordings
	Waits   [2]uint64
	Late    [2]Percentiles // of all waits
	Changes []Change       // the largest change first, in all waits of the second recording
	Gone    []string       // groups that only the first recording has
	New     []string       // groups that only the second one has
}

// Percentiles are of the times from ready to running.
type Percentiles = ledger.Percentiles

// Change is a time that differs.
type Change struct {
	Group string
	Why   string       // what the group waits for
	Part  analyze.Part // which part of these waits
	Waits [2]uint64
	Each  [2]float64 // the time for a wait
	Total float64    // what the difference makes in all waits of the second recording: negative if it got faster
}

// Compare compares two ledgers: what was before, and what is now. Neither may be nil.
func Compare(before, now *ledger.Report) *Report {
	r := &Report{
		Lengths: [2]int64{before.Length, now.Length}, Waits: [2]uint64{before.All.Waits, now.All.Waits},
		Late: [2]Percentiles{before.All.LateTimes, now.All.LateTimes},
	}
	old := make(map[string]*ledger.Group)
	for i := range before.Groups {
		old[before.Groups[i].Name] = &before.Groups[i]
	}
	for i := range now.Groups {
		g := &now.Groups[i]
		was := old[g.Name]
		delete(old, g.Name)
		switch {
		case g.System:
		case was == nil:
			r.New = append(r.New, g.Name)
		default:
			r.group(was, g)
		}
	}
	for name, g := range old {
		if !g.System {
			r.Gone = append(r.Gone, name)
		}
	}
	slices.Sort(r.Gone)
	slices.Sort(r.New)
	slices.SortFunc(r.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(max(b.Total, -b.Total), max(a.Total, -a.Total)), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Part, b.Part))
	})
	return r
}

// group compares the waits of a group, reason by reason and part by part.
func (r *Report) group(was, is *ledger.Group) {
	for i := range is.Whys {
		b := &is.Whys[i]
		at := slices.IndexFunc(was.Whys, func(y ledger.Reason) bool { return y.Why == b.Why })
		if at < 0 {
			continue
		}
		a := &was.Whys[at]
		if a.Waits < enough || b.Waits < enough {
			continue
		}
		for p := range analyze.NumParts {
			each := [2]float64{float64(a.Parts[p]) / float64(a.Waits), float64(b.Parts[p]) / float64(b.Waits)}
			more, less := max(each[0], each[1]), min(each[0], each[1])
			if more-less < least || more < factor*less {
				continue
			}
			r.Changes = append(r.Changes, Change{
				Group: is.Name, Why: b.Why, Part: p, Waits: [2]uint64{a.Waits, b.Waits}, Each: each, Total: (each[1] - each[0]) * float64(b.Waits),
			})
		}
	}
}

// maxText is how many changes the text shows: a screen.
const maxText = 30

// Text writes the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Before: %d waits in %s. Now: %d in %s.\n", r.Waits[0], analyze.Duration(r.Lengths[0]), r.Waits[1], analyze.Duration(r.Lengths[1]))
	fmt.Fprintf(&b, "From ready to running: p50 %s, now %s; p99 %s, now %s; at most %s, now %s.\n",
		analyze.Duration(r.Late[0].P50), analyze.Duration(r.Late[1].P50), analyze.Duration(r.Late[0].P99), analyze.Duration(r.Late[1].P99),
		analyze.Duration(r.Late[0].Max), analyze.Duration(r.Late[1].Max))
	for _, slower := range []bool{true, false} {
		r.write(&b, slower)
	}
	if len(r.Changes) == 0 {
		fmt.Fprintf(&b, "\nNo wait differs by %.0f%% or more.\n", 100*(factor-1))
	}
	for _, list := range []struct {
		title string
		names []string
	}{{"Only before", r.Gone}, {"Only now", r.New}} {
		if len(list.names) != 0 {
			fmt.Fprintf(&b, "\n%s: %s.\n", list.title, strings.Join(list.names, ", "))
		}
	}
	return b.String()
}

// write writes what got slower, or faster.
func (r *Report) write(b *strings.Builder, slower bool) {
	title := "\nFaster:\n"
	if slower {
		title = "\nSlower:\n"
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	defer t.Flush()
	shown := 0
	for _, c := range r.Changes {
		if (c.Total > 0) != slower || shown == maxText {
			continue
		}
		if shown++; shown == 1 {
			b.WriteString(title)
			fmt.Fprint(t, "  group\twaits for\tpart\tbefore\tnow\tin all\t\n")
		}
		fmt.Fprintf(t, "  %s\t%s\t%v\t%s\t%s\t%s\t\n", c.Group, c.Why, c.Part, analyze.Duration(int64(c.Each[0])), analyze.Duration(int64(c.Each[1])), signed(c.Total))
	}
}

func signed(ns float64) string {
	if ns > 0 {
		return "+" + analyze.Duration(int64(ns))
	}
	return analyze.Duration(int64(ns))
}
