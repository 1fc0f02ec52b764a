package lint

import (
	"go/ast"
	"regexp"
	"testing"
)

// Time must be monotonic: the wall clock is set by people and by daemons, back and
// forth, and no timer, slice or figure may follow it.
//
// A time.Time that time.Now returns carries the monotonic time, and Sub, Since,
// Until, Before, After and Compare use it as long as both operands have it. So it
// is enough that the library has no other source of a Time, does nothing that
// strips the monotonic part, and asks the kernel for no other clock.

// monotonicOnly is what the library may use of package time.
var monotonicOnly = map[string]bool{
	"Duration": true, "Nanosecond": true, "Microsecond": true, "Millisecond": true, "Second": true, "Minute": true, "Hour": true,
	"Now": true, "Since": true, "Until": true, "Time": true,
	"Sleep": true, "After": true, "AfterFunc": true, "NewTimer": true, "NewTicker": true, "Timer": true, "Ticker": true,
}

// stripping are the methods of a Time that look at the wall clock or lose the
// monotonic time. Round and Truncate aren't among them, since a Duration has them
// too, nor is In, since monotonicOnly has no Location to give it.
var stripping = regexp.MustCompile(`^(Unix|UnixNano|UnixMicro|UnixMilli|UTC|Local|Date|Clock|Year|YearDay|Month|Day|Weekday|Hour|Minute|Second|Nanosecond|Format|AppendFormat|AddDate|ISOWeek|Zone|GobEncode|MarshalBinary|MarshalJSON|MarshalText)$`)

// wallCalls are other ways to ask for the wall clock.
var wallCalls = regexp.MustCompile(`\b(unix|syscall)\.(ClockGettime|Gettimeofday|Time|CLOCK_REALTIME\w*|TimerfdCreate)\b`)

// TestMonotonicTimeOnly looks at the files of the library: all that users compile
// into their programs.
func TestMonotonicTimeOnly(t *testing.T) {
	seen := 0
	for _, f := range goFiles(t) {
		if f.test || f.nested || below(f.dir, "cmd") || below(f.dir, "examples") {
			continue
		}
		if call := wallCalls.FindString(f.text); call != "" {
			t.Errorf("%s calls %s: use the scheduler's clock, which no setting of the wall clock moves", f.name, call)
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "time" {
					seen++
					if !monotonicOnly[n.Sel.Name] {
						t.Errorf("%s uses time.%s, which isn't known to be monotonic: see monotonicOnly", f.name, n.Sel.Name)
					}
				}
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.SelectorExpr); ok && stripping.MatchString(fn.Sel.Name) {
					t.Errorf("%s calls %s, which of a time.Time follows the wall clock: it must be monotonic", f.name, fn.Sel.Name)
				}
			}
			return true
		})
	}
	if seen == 0 {
		t.Error("no file of the library uses package time: the rule has lost its object")
	}
}
