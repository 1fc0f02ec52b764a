package analyze

import (
	"strings"

	"github.com/runq-go/runq/event"
)

// Call is what a stack tells of a blocking call.
type Call struct {
	Entry  string // what is called: a C function ("C.sqlite3_step"), or the innermost Go function; "" if it isn't known
	Caller string // where from, as Place says it; "" if it isn't known
	Cgo    bool   // it is a call of C
}

// cgoPrefix is what the names of the functions begin with that cgo makes for calls of C.
const cgoPrefix = "_Cfunc_"

// CallOf says which call a stack is in. A trace only says that a goroutine is in a call,
// and from where; that it is a call of C is seen from the functions on the way.
func CallOf(symbols *event.Symbols, stack event.StackID) Call {
	frames := symbols.Frames(nil, stack)
	c := Call{Caller: Place(symbols, stack)}
	for i, f := range frames {
		_, name, _ := cutLast(f.Func, '.')
		if fn, ok := strings.CutPrefix(name, cgoPrefix); ok {
			c.Entry, c.Cgo = "C."+fn, true
			if i+1 < len(frames) {
				c.Caller = frame(frames[i+1])
			}
			return c
		}
		c.Cgo = c.Cgo || f.Func == "runtime.cgocall"
	}
	for _, f := range frames {
		if !strings.HasPrefix(f.Func, "runtime.") {
			c.Entry = f.Func
			break
		}
	}
	return c
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}
