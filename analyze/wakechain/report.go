package wakechain

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/runq-go/runq/analyze"
)

// Report is what was found. Times are in ns.
type Report struct {
	Paths []Path // the longest first
	Wakes []Wake // the most frequent first
}

// Wake sums up wakes of one sort.
type Wake struct {
	Waker  string // a group of tasks, "a timer", "the network poller", …
	By     string // where in the program it woke them, if known
	Woken  string // a group of tasks
	At     string // where those waited, if known
	Why    string // what for
	Count  uint64
	Waited int64 // until they were ready, added up
	Late   int64 // from then until they ran
}

// maxWakes is how many sorts of wakes the text shows: a screen.
const maxWakes = 25

// Text writes the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	for i := range r.Paths {
		b.WriteString(r.Paths[i].Text() + "\n")
	}
	b.WriteString("Who woke whom:\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "  waker\twoken\tfor\ttimes\twaited\tthen late\t\n")
	for _, e := range r.Wakes[:min(len(r.Wakes), maxWakes)] {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%d\t%s\t%s\t\n", either(e.By, e.Waker), either(e.At, e.Woken), e.Why, e.Count, analyze.Duration(e.Waited), analyze.Duration(e.Late))
	}
	t.Flush()
	return b.String()
}

// either returns a place, or who it is where none is known.
func either(place, group string) string {
	if place != "" {
		return place
	}
	return group
}

// Text writes a path for people.
func (p *Path) Text() string {
	var b strings.Builder
	what := fmt.Sprintf("ready for %s before it ran", analyze.Duration(p.Late))
	if p.Number == 0 {
		what = "in its region for " + analyze.Duration(p.Late)
	}
	fmt.Fprintf(&b, "%v (%s), %s, at %s. From the end back:\n", p.Task, p.Group, what, seconds(p.To))
	for i := range p.Steps {
		fmt.Fprintf(&b, "  %s\n", p.Steps[i].text())
	}
	if p.Cut {
		b.WriteString("  What was before isn't remembered.\n")
	}
	return b.String()
}

func seconds(ns int64) string { return fmt.Sprintf("%.6fs", float64(ns)/1e9) }

// text says a step in a line.
func (s *Step) text() string {
	line := fmt.Sprintf("%s  %8s  %v (%s) %s", seconds(s.From), analyze.Duration(s.To-s.From), s.Task, s.Group, s.Did)
	switch s.Did {
	case Late:
		var parts []string
		for i, ns := range s.Parts {
			if ns != 0 {
				parts = append(parts, fmt.Sprintf("%v %s", analyze.Part(i), analyze.Duration(ns)))
			}
		}
		return line + ": " + strings.Join(parts, ", ")
	case Waited:
		line += ": " + s.Why
	}
	if s.At != "" {
		line += ", at " + s.At
	}
	return line
}

// Total returns the sum of the steps, which is To - From unless the path is cut.
func (p *Path) Total() (ns int64) {
	for _, s := range p.Steps {
		ns += s.To - s.From
	}
	return ns
}
