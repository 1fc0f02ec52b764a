package verdict

import (
	"fmt"
	"strings"
)

// Text writes the report for people.
func (r *Report) Text() string {
	if len(r.Findings) == 0 {
		return "Nothing stands out.\n"
	}
	var b strings.Builder
	for i, f := range r.Findings {
		fmt.Fprintf(&b, "%d. %s: %s", i+1, f.Kind, f.Culprit)
		if f.Place != "" {
			fmt.Fprintf(&b, ", at %s", f.Place)
		}
		fmt.Fprintf(&b, "\n   %s\n", f.What)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "   - %s\n", e)
		}
		fmt.Fprintf(&b, "   Look at %.6fs. Reported from here on: %s.\n", float64(f.At)/1e9, f.Threshold)
	}
	return b.String()
}
