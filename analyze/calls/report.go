package calls

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/runq-go/runq/analyze"
)

// Report is what was found. Times are in ns.
type Report struct {
	Length int64  // of the recording
	Calls  []Call // those that took most, first
	Column int64  // how long a column of the heat maps is
}

// Call sums up the calls that a group of tasks makes from one place.
type Call struct {
	Group  string // of the tasks that call
	Caller string // where from, if known
	Entry  string // what is called, if known: "C.name" for C
	Cgo    bool

	Count   uint64
	Open    uint64 // of them, those that hadn't come back when the recording ended
	Total   int64  // time in the calls
	P50     int64
	P99     int64
	Max     int64
	WorstAt int64 // when the longest one began, from the beginning of the recording

	LostPs  uint64 // calls from which the P was taken away
	LostFor int64  // how long they went on then
	Late    int64  // how long the tasks waited for a P when they had come back

	Heat []int64 // time in the calls, by columns of Report.Column from the beginning
}

// maxText is how many calls the text shows: a screen.
const maxText = 20

// shades are the characters of the heat map: each stands for twice the time of the one
// before, as a share of the column; the last one for one task in the call all the time, or
// more than one.
var shades = []rune(" .:-=+*#@")

// Text writes the report for people.
func (r *Report) Text() string {
	if len(r.Calls) == 0 {
		return "There are no blocking calls.\n"
	}
	var b strings.Builder
	b.WriteString("Blocking calls:\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "  call\tfrom\ttimes\tin all\tp50\tp99\tmax\tPs lost\tfor\tthen late\t\n")
	shown := r.Calls[:min(len(r.Calls), maxText)]
	for _, c := range shown {
		fmt.Fprintf(t, "  %s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t\n", c.name(), c.from(), c.Count, analyze.Duration(c.Total), analyze.Duration(c.P50),
			analyze.Duration(c.P99), analyze.Duration(c.Max), c.LostPs, analyze.Duration(c.LostFor), analyze.Duration(c.Late))
	}
	t.Flush()
	fmt.Fprintf(&b, "\nWhen, %s a column:\n", analyze.Duration(r.Column))
	for _, c := range shown {
		fmt.Fprintf(&b, "  |%s| %s\n", r.heat(&c), c.name())
	}
	return b.String()
}

func (c *Call) name() string {
	switch {
	case c.Entry != "":
		return c.Entry
	case c.Cgo:
		return "C"
	}
	return "(unknown)"
}

func (c *Call) from() string {
	if c.Caller != "" {
		return c.Caller
	}
	return c.Group
}

// heat draws a call's columns.
func (r *Report) heat(c *Call) string {
	n := int((r.Length + r.Column - 1) / r.Column)
	line := make([]rune, max(n, len(c.Heat)))
	for i := range line {
		line[i] = shades[0]
		if i < len(c.Heat) {
			line[i] = shade(c.Heat[i], r.Column)
		}
	}
	return string(line)
}

func shade(ns, column int64) rune {
	if ns == 0 {
		return shades[0]
	}
	i := len(shades) - 1
	for limit := column; ns < limit && i > 1; limit /= 2 {
		i--
	}
	return shades[i]
}
