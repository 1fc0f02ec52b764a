package topo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxCPUs is how many CPUs there can be, numbered from 0: what Linux can be built for
// at most (NR_CPUS).
const MaxCPUs = 8192

// ParseList reads a list of numbers as the kernel writes it, "0-3,8": ranges and
// single numbers below [MaxCPUs], with commas between them. White space around it is
// left out; what is empty then is an empty list. The result is in ascending order
// without repetitions.
func ParseList(s string) ([]int, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	var in [MaxCPUs]bool
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		lo, err1 := parseNumber(first)
		hi, err2 := parseNumber(last)
		if err1 != nil || err2 != nil || lo > hi {
			return nil, fmt.Errorf("topo: list %.60q: %.20q is neither a number below %d nor an ascending range of them, as in 0-3,8", s, part, MaxCPUs)
		}
		for n := lo; n <= hi; n++ {
			in[n] = true
		}
	}
	var list []int
	for n, ok := range in {
		if ok {
			list = append(list, n)
		}
	}
	return list, nil
}

// parseNumber reads a number from 0 to MaxCPUs-1.
func parseNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err == nil && n >= MaxCPUs {
		err = strconv.ErrRange
	}
	return int(n), err
}

// FormatList writes numbers as the kernel does: [ParseList]'s opposite. They may be
// in any order.
func FormatList(list []int) string {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	var s strings.Builder
	for i := 0; i < len(list); {
		first := i
		for i++; i < len(list) && list[i] == list[i-1]+1; i++ {
		}
		if first > 0 {
			s.WriteByte(',')
		}
		s.WriteString(strconv.Itoa(list[first]))
		if last := i - 1; last > first {
			s.WriteString("-" + strconv.Itoa(list[last]))
		}
	}
	return s.String()
}
