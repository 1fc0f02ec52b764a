// Package jsonout writes reports and events as JSON, for programs: docs/json.md has the
// schema, which is made of the types of this package.
//
//	led := ledger.New(ledger.Options{})
//	err := analyze.Run(src, led)
//	err = errors.Join(err, jsonout.WriteReport(os.Stdout, led.Report()))
//
// Names are in lower case, with underscores; times are whole ns, and their names end with
// _ns. Nothing is rounded, so what adds up in a report adds up in JSON. Members may be added
// without another version; Version changes when one changes its meaning, or goes away.
package jsonout

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/runq-go/runq/analyze/calls"
	"github.com/runq-go/runq/analyze/diff"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/analyze/wakechain"
)

// Version is the version of the schema.
const Version = 1

// document is what WriteReport writes.
type document struct {
	Format    string         `json:"format" doc:"\"runq-report\""`
	Version   int            `json:"version" doc:"of this schema"`
	Ledger    *ledgerReport  `json:"ledger,omitempty" doc:"where the time of all waits went"`
	Verdict   *verdictReport `json:"verdict,omitempty" doc:"what is wrong, and who does it"`
	Calls     *callsReport   `json:"calls,omitempty" doc:"blocking calls and calls of C"`
	Wakechain *chainsReport  `json:"wakechain,omitempty" doc:"who woke whom, and the ways back from what was late"`
	Diff      *diffReport    `json:"diff,omitempty" doc:"what differs between two recordings"`
}

// WriteReport writes one JSON object, indented, with a member for each of the reports.
// Those are of type *ledger.Report, *verdict.Report, *calls.Report, *wakechain.Report and
// *diff.Report; nil ones are left out. It is an error if one is of another type, or if
// there are two of a type; then nothing is written.
func WriteReport(w io.Writer, reports ...any) error {
	d := document{Format: "runq-report", Version: Version}
	for _, r := range reports {
		if err := d.add(r); err != nil {
			return err
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(&d)
}

func (d *document) add(report any) error {
	twice := false
	switch r := report.(type) {
	case *ledger.Report:
		twice = set(&d.Ledger, r, ofLedger)
	case *verdict.Report:
		twice = set(&d.Verdict, r, ofVerdict)
	case *calls.Report:
		twice = set(&d.Calls, r, ofCalls)
	case *wakechain.Report:
		twice = set(&d.Wakechain, r, ofChains)
	case *diff.Report:
		twice = set(&d.Diff, r, ofDiff)
	default:
		return fmt.Errorf("a %T is no report that can be written as JSON", report)
	}
	if twice {
		return fmt.Errorf("there are two reports of type %T, and room for one", report)
	}
	return nil
}

// set makes a member of a report, unless that is nil, and reports whether it was there.
func set[T, U any](member **U, report *T, of func(*T) U) (twice bool) {
	if report == nil {
		return false
	}
	twice = *member != nil
	m := of(report)
	*member = &m
	return twice
}

// each converts a list: never to nil, so that JSON has [] and not null.
func each[T, U any](list []T, of func(*T) U) []U {
	out := make([]U, len(list))
	for i := range list {
		out[i] = of(&list[i])
	}
	return out
}

func same[T any](x *T) T { return *x }
