package model

import (
	"fmt"
	"strconv"
	"strings"
)

// replay makes given choices.
type replay struct {
	choices []choice // in order
	next    int
	at      int
}

func (s *replay) begin() { s.next, s.at = 0, 0 }

func (s *replay) pick(x *Execution, d *decision) int {
	at := s.at
	s.at++
	if s.next == len(s.choices) || s.choices[s.next].at != at {
		return d.first
	}
	what := s.choices[s.next].what
	s.next++
	if d.all()>>what&1 == 0 {
		x.fail(&Failure{Kind: "divergence", Message: fmt.Sprintf("the schedule doesn't fit the code: "+
			"it wants %d at choice %d, but %s", what, at, d.describe(x))})
		return d.first
	}
	return what
}

func (s *replay) end(*Execution) bool { return false }

// firstChoices is the replay string of the schedule in which no choice differs from
// the first one.
const firstChoices = "first"

// replayString writes choices down: place and choice, in order.
func replayString(choices []choice) string {
	if len(choices) == 0 {
		return firstChoices
	}
	var parts []string
	for _, c := range choices {
		parts = append(parts, fmt.Sprintf("%d:%d", c.at, c.what))
	}
	return strings.Join(parts, ",")
}

// parseReplay is the opposite of replayString.
func parseReplay(text string) ([]choice, error) {
	if text == firstChoices {
		return nil, nil
	}
	var choices []choice
	last := -1
	for part := range strings.SplitSeq(text, ",") {
		at, what, _ := strings.Cut(part, ":")
		a, errA := strconv.Atoi(at)
		w, errW := strconv.Atoi(what)
		if errA != nil || errW != nil || a <= last || w < 0 || w >= maxThreads {
			return nil, fmt.Errorf("replay string: %q is no place and choice after place %d: copy the whole string", part, last)
		}
		last = a
		choices = append(choices, choice{a, w})
	}
	return choices, nil
}
