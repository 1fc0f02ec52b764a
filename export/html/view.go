package html

import (
	"fmt"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
)

// view is what the template shows. Texts that it has are of recordings, which anybody may
// have made: the template escapes them all.
type view struct {
	Title, Source string
	Facts         []string
	Findings      []finding
	Late          string // in all
	Parts         []legend
	Bar           []piece
	Histogram     *histogramView
	Heat          *heatView
	Timeline      *timeline
	CallHeat      *heatView
	Tables        []table
	Blind         []string
}

type finding struct {
	verdict.Finding
	When string
}

// table is a table.
type table struct {
	Title string
	Heads []string
	Texts int // how many columns are text; those that follow are numbers
	Rows  [][]string
	More  string // what is left out; "" if nothing is
}

// maxRows is how many rows a table shows: more than anybody reads, and a page or two.
const maxRows = 40

// barWidth is the width of the bar of parts: that of a plot with its labels.
const barWidth = plotLeft + plotWidth

func (p *Pass) view(led *ledger.Report, ver *verdict.Report, cal *calls.Report) *view {
	parts := programParts(led)
	v := &view{
		Title: p.opts.Title, Source: led.Source, Blind: led.Blind, Late: analyze.Duration(parts.Late()), Parts: legendOf(&parts),
		Bar: pieces(&parts, 0, barWidth), Histogram: histogramOf(&p.late), Heat: p.heat.view(led.Length),
		Timeline: timelineOf(led.Length, led.Worst), CallHeat: callsView(cal),
		Tables: []table{groupTable(led.Groups), sumTable("By what began the wait", "reason", led.Whys), sumTable("By queue", "queue", led.Queues), callTable(cal.Calls)},
	}
	if v.Title == "" {
		v.Title = led.Source
	}
	v.Facts = []string{analyze.Duration(led.Length), fmt.Sprintf("%d events", led.Events), fmt.Sprintf("%d Ps", led.Procs), fmt.Sprintf("%d waits", led.All.Waits)}
	if led.Losses != 0 {
		v.Facts = append(v.Facts, fmt.Sprintf("events are missing in %d places, and %d waits are left out because of that", led.Losses, led.Dropped))
	}
	for i := range ver.Findings {
		v.Findings = append(v.Findings, finding{ver.Findings[i], fmt.Sprintf("%.6fs", float64(ver.Findings[i].At)/1e9)})
	}
	return v
}

// programParts adds up the waits of all tasks but the runtime's own.
func programParts(led *ledger.Report) (parts analyze.Parts) {
	for i := range led.Groups {
		if g := &led.Groups[i]; !g.System {
			parts.Add(&g.Parts)
		}
	}
	return parts
}

// rows makes rows of a list, up to maxRows.
func (t *table) rows(n int, row func(i int) []string) {
	for i := range min(n, maxRows) {
		t.Rows = append(t.Rows, row(i))
	}
	if n > maxRows {
		t.More = fmt.Sprintf("%d more are left out.", n-maxRows)
	}
}

func groupTable(all []ledger.Group) table {
	var groups []*ledger.Group
	for i := range all {
		if !all[i].System {
			groups = append(groups, &all[i])
		}
	}
	t := table{Title: "By group of tasks", Heads: []string{"group", "waits", "ready and late", "p50", "p99", "max", "ran", "longest run", "held others up for"}, Texts: 1}
	t.rows(len(groups), func(i int) []string {
		g := groups[i]
		return []string{
			g.Name, fmt.Sprint(g.Waits), analyze.Duration(g.Late), analyze.Duration(g.LateTimes.P50), analyze.Duration(g.LateTimes.P99),
			analyze.Duration(g.LateTimes.Max), analyze.Duration(g.Ran), analyze.Duration(g.LongestRun), analyze.Duration(g.HeldUp),
		}
	})
	return t
}

func sumTable(title, name string, sums []ledger.Sum) table {
	t := table{Title: title + ", with the runtime's own tasks", Heads: []string{name, "waits", "for the event", "ready and late", "p50", "p99", "max"}, Texts: 1}
	t.rows(len(sums), func(i int) []string {
		s := &sums[i]
		return []string{
			s.Name, fmt.Sprint(s.Waits), analyze.Duration(s.Parts.Total() - s.Late), analyze.Duration(s.Late), analyze.Duration(s.LateTimes.P50),
			analyze.Duration(s.LateTimes.P99), analyze.Duration(s.LateTimes.Max),
		}
	})
	return t
}

func callTable(all []calls.Call) table {
	t := table{Title: "Blocking calls", Heads: []string{"call", "from", "times", "in all", "p50", "p99", "max", "Ps lost", "for", "then late"}, Texts: 2}
	t.rows(len(all), func(i int) []string {
		c := &all[i]
		return []string{
			callName(c), callFrom(c), fmt.Sprint(c.Count), analyze.Duration(c.Total), analyze.Duration(c.P50), analyze.Duration(c.P99),
			analyze.Duration(c.Max), fmt.Sprint(c.LostPs), analyze.Duration(c.LostFor), analyze.Duration(c.Late),
		}
	})
	return t
}
