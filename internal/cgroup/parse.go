package cgroup

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// parseMax reads cpu.max: quota and period in microseconds, or "max" instead of a
// quota if there is none.
func parseMax(text string) (l Limit, ok bool, err error) {
	f := strings.Fields(text)
	if len(f) != 2 {
		return Limit{}, false, fmt.Errorf("%q is not a quota and a period", text)
	}
	if f[0] == "max" {
		return Limit{}, false, nil
	}
	if l.Quota, err = parseMicros(f[0]); err != nil {
		return Limit{}, false, err
	}
	if l.Period, err = parseMicros(f[1]); err != nil {
		return Limit{}, false, err
	}
	return l, true, nil
}

// parseQuota reads cpu.cfs_quota_us: microseconds, negative if there is none.
func parseQuota(text string) (quota time.Duration, ok bool, err error) {
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n < 0 {
		return 0, false, nil
	}
	quota, err = parseMicros(text)
	return quota, err == nil, err
}

// parseMicros reads a quota or a period. The kernel accepts neither of 0, so a limit
// never means that nothing may run.
func parseMicros(text string) (time.Duration, error) {
	d, err := parseNumber(text, time.Microsecond)
	if err == nil && d == 0 {
		err = fmt.Errorf("a quota or period of %v: it must be positive", d)
	}
	return d, err
}

// parseNumber reads a time that isn't negative.
func parseNumber(text string, unit time.Duration) (time.Duration, error) {
	n, err := parseCount(text)
	if err == nil && n > uint64(math.MaxInt64/unit) {
		err = fmt.Errorf("%d × %v is too long a time", n, unit)
	}
	if err != nil {
		return 0, err
	}
	return time.Duration(n) * unit, nil
}

func parseCount(text string) (uint64, error) {
	text = strings.TrimSpace(text)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number from 0", text)
	}
	return n, nil
}

// parseThrottled reads what cpu.stat says of throttling. What isn't there is zero.
func parseThrottled(text string, unified bool) (t Throttled, err error) {
	if value, ok := field(text, "nr_periods"); ok {
		if t.Periods, err = parseCount(value); err != nil {
			return Throttled{}, err
		}
	}
	if value, ok := field(text, "nr_throttled"); ok {
		if t.ThrottledPeriods, err = parseCount(value); err != nil {
			return Throttled{}, err
		}
	}
	name, unit := "throttled_time", time.Nanosecond // version 1
	if unified {
		name, unit = "throttled_usec", time.Microsecond
	}
	if value, ok := field(text, name); ok {
		if t.Time, err = parseNumber(value, unit); err != nil {
			return Throttled{}, err
		}
	}
	return t, nil
}

// field finds the value of a key in lines of keys and values.
func field(text, key string) (value string, ok bool) {
	for line := range strings.Lines(text) {
		if k, v, found := strings.Cut(line, " "); found && k == key {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}
