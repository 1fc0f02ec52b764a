// Package eventtest lets tests check that a stream of scheduler events tells of
// nothing that can't be. What is checked, and how, is package validate's.
package eventtest

import (
	"testing"

	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/event/validate"
)

// Validator, Summary and Violation are those of package validate.
type (
	Validator = validate.Validator
	Summary   = validate.Summary
	Violation = validate.Violation
)

// NewValidator returns a Validator to which everything is unknown.
func NewValidator() *Validator { return validate.New() }

// historyLen is how many events of a task a Violation shows.
const historyLen = validate.HistoryLen

// maxReports is how many violations Check reports: the first few tell what is
// wrong, and the rest tends to follow from them.
const maxReports = 10

// Check fails the test for each event that breaks a rule of [Validator], of
// which it reports the first few. lost is how many events the reader was told
// are missing: if it isn't 0 and no KindLost says where, they may be missing
// anywhere, and only what holds in spite of that is checked.
func Check(t testing.TB, events []event.Event, lost uint64) {
	t.Helper()
	v := NewValidator()
	if lost != 0 && !tellsOfLoss(events) {
		if err := v.Event(event.Event{Kind: event.KindLost, Arg: lost, P: event.NoP, M: event.NoM}); err != nil {
			t.Error(err)
		}
	}
	bad := 0
	for _, e := range events {
		if err := v.Event(e); err != nil {
			if bad++; bad <= maxReports {
				t.Error(err)
			}
		}
	}
	if bad > maxReports {
		t.Errorf("%d violations in all", bad)
	}
}

// tellsOfLoss reports whether the events say which stretches have losses.
func tellsOfLoss(events []event.Event) bool {
	for i := range events {
		if events[i].Kind == event.KindLost && events[i].Task == event.NoTask {
			return true
		}
	}
	return false
}
