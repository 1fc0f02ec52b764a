package main

// The quotas that a control group can have. The kernel wants a millisecond at least, of the period of
// quotaPeriod; and nobody has more CPUs than a scheduler can have Ps.
const (
	leastQuota = 0.01
	mostQuota  = 1024
)

// A throttle is how often a control group has run out of its quota.
type throttle struct {
	Periods, Throttled int64
}

func (t throttle) since(before throttle) throttle {
	return throttle{t.Periods - before.Periods, t.Throttled - before.Throttled}
}

// part is how much of the periods: 0 if there were none, which is when nothing ran.
func (t throttle) part() float64 { return divide(float64(t.Throttled), float64(t.Periods)) }
