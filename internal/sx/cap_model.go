//go:build model

package sx

// RingCap is the capacity of a P's ring of tasks under the schedule checker: small,
// so that short executions reach full and wrapped rings; and the smallest that has a
// half which is more than one.
const RingCap = 4
