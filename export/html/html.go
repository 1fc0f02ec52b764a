// Package html writes a report as one HTML file, with the plots that people would rather
// look at than at numbers.
//
//	page := html.New(html.Options{})
//	err := analyze.Run(src, page)
//	if err == nil {
//		_, err = page.WriteTo(file)
//	}
//
// The file needs nothing but itself: no script, no font, nothing from elsewhere; it can be
// opened from a disk, mailed, and printed. It is dark where the reader's system is. It has:
//
//   - what is wrong, and who does it (package verdict);
//   - where the time went in which tasks were ready (package ledger);
//   - how long tasks were ready before they ran, as a histogram;
//   - in which P's queue they waited, and when, as a heat map;
//   - the longest waits, on a time line and in words;
//   - blocking calls by caller, as a heat map (package calls);
//   - tables: by group of tasks, by reason, by queue.
//
// The runtime's own tasks are left out of the plots: they wait for most of the time, and
// nobody waits for them.
package html

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"io"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/histogram"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/event"
)

// Options are what can be chosen. The zero value is good.
type Options struct {
	Title string // of the page; empty: the source's name

	// Passes of the same reading, of which the report shows what they say. Those that
	// are nil the report makes itself.
	Ledger   *ledger.Ledger
	Verdicts *verdict.Verdicts
	Calls    *calls.Calls
}

// Pass collects what the report shows: an analyze.Pass.
type Pass struct {
	opts  Options
	own   []analyze.Pass // of those in opts, the ones that nobody else runs
	late  histogram.Histogram
	heat  heat
	names map[event.StringID]bool // which groups are the runtime's own
	read  bool
}

// New returns an empty pass.
func New(opts Options) *Pass {
	p := &Pass{opts: opts, heat: heat{width: firstWidth}, names: make(map[event.StringID]bool)}
	if p.opts.Ledger == nil {
		p.opts.Ledger = ledger.New(ledger.Options{})
		p.own = append(p.own, p.opts.Ledger)
	}
	if p.opts.Verdicts == nil {
		p.opts.Verdicts = verdict.New()
		p.own = append(p.own, p.opts.Verdicts)
	}
	if p.opts.Calls == nil {
		p.opts.Calls = calls.New()
		p.own = append(p.own, p.opts.Calls)
	}
	return p
}

// Slice implements analyze.Pass.
func (p *Pass) Slice(w *analyze.World, s *analyze.Slice) {
	for _, of := range p.own {
		of.Slice(w, s)
	}
}

// Wait implements analyze.Pass.
func (p *Pass) Wait(w *analyze.World, d *analyze.Wait) {
	for _, of := range p.own {
		of.Wait(w, d)
	}
	if d.Ready == d.End && d.Wake == event.ReasonNone || p.isSystem(w, d.Group) {
		return
	}
	p.late.Add(d.Late())
	p.heat.add(d.Queue, d.Ready-w.Start, d.End-w.Start)
}

// maxGroups bounds how many groups are remembered to be the runtime's own, or not: a large
// program has some thousands.
const maxGroups = 1 << 14

func (p *Pass) isSystem(w *analyze.World, group event.StringID) bool {
	system, ok := p.names[group]
	if !ok {
		system = analyze.IsSystem(w.Symbols.String(group))
		if len(p.names) < maxGroups {
			p.names[group] = system
		}
	}
	return system
}

// Event implements analyze.Pass.
func (p *Pass) Event(w *analyze.World, e *event.Event, t *analyze.Task) {
	for _, of := range p.own {
		of.Event(w, e, t)
	}
}

// End implements analyze.Pass.
func (p *Pass) End(w *analyze.World) {
	for _, of := range p.own {
		of.End(w)
	}
	p.read = true
}

//go:embed report.html.tmpl
var source string

var page = template.Must(template.New("report").Parse(source))

var errUnread = errors.New("a report can't be written before its recording has been read")

// WriteTo writes the report. It is an error to ask for it before analyze.Run has returned
// with this pass, and with those of the options.
func (p *Pass) WriteTo(w io.Writer) (int64, error) {
	led, ver, cal := p.opts.Ledger.Report(), p.opts.Verdicts.Report(), p.opts.Calls.Report()
	if !p.read || led == nil || ver == nil || cal == nil {
		return 0, errUnread
	}
	var text bytes.Buffer
	if err := page.Execute(&text, p.view(led, ver, cal)); err != nil {
		return 0, err
	}
	return text.WriteTo(w)
}
