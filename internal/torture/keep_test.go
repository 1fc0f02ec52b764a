package torture

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// keepSet says which ops of a generated program are kept, and with which n. nil
// keeps all as they are.
type keepSet map[int]int

// asGenerated in a keepSet leaves an op's n as it is.
const asGenerated = -1

// get tells whether o is kept, and its n.
func (k keepSet) get(o *op) (n int, kept bool) {
	if k == nil {
		return o.n, true
	}
	n, kept = k[o.id]
	if n == asGenerated {
		n = o.n
	}
	return n, kept
}

// keepAll returns the set of all ops below the root, and those of which the n was
// changed with that.
func keepAll(root *op) keepSet {
	k := make(keepSet)
	root.walk(func(o *op) {
		if o.kind != kRoot {
			k[o.id] = asGenerated
		}
	})
	return k
}

// String returns the set as text: ids and ranges of them, with commas; an id with a
// changed n has that after a colon. Nothing kept is "none", everything is nothing.
func (k keepSet) String() string {
	if k == nil {
		return ""
	}
	if len(k) == 0 {
		return "none"
	}
	ids := slices.Sorted(maps.Keys(k))
	var parts []string
	for i := 0; i < len(ids); {
		from := ids[i]
		if n := k[from]; n != asGenerated {
			parts = append(parts, fmt.Sprintf("%d:%d", from, n))
			i++
			continue
		}
		to := from
		for i++; i < len(ids) && ids[i] == to+1 && k[ids[i]] == asGenerated; i++ {
			to++
		}
		if to == from {
			parts = append(parts, strconv.Itoa(from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, to))
		}
	}
	return strings.Join(parts, ",")
}

// parseKeep is the reverse of String.
func parseKeep(text string) (keepSet, error) {
	if text == "" {
		return nil, nil
	}
	k := make(keepSet)
	if text == "none" {
		return k, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if id, n, ok := strings.Cut(part, ":"); ok {
			i, err1 := strconv.Atoi(id)
			v, err2 := strconv.Atoi(n)
			if err1 != nil || err2 != nil || v < 0 {
				return nil, fmt.Errorf("-torture.keep: %q isn't an id, a colon and a number", part)
			}
			k[i] = v
			continue
		}
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || to < from {
			return nil, fmt.Errorf("-torture.keep: %q is neither an id nor a range of them", part)
		}
		for id := from; id <= to; id++ {
			k[id] = asGenerated
		}
	}
	return k, nil
}
