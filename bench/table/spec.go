package main

import "fmt"

// A workload says how its rows are compared and what runq aims at.
type workload struct {
	name string // as in rowKey
	what string // for the reader of the table
	unit string // of the figure, as benchfmt has it: seconds, not nanoseconds
	base string // the implementation that is Go's own way; "" if there is none
	// targets of impl=runq, all of which have to hold.
	targets []target
}

// A target bounds one value of runq.
type target struct {
	of     yardstick
	atMost float64
	unit   string // for ofNothing: what is bounded
	text   string // how the table writes it
}

// A yardstick is what a target compares with.
type yardstick int

const (
	ofBase     yardstick = iota // the median of the base row
	ofBestPool                  // the smallest median of all other rows
	ofNothing                   // an absolute bound
)

// noAllocs bounds allocations of each task. What a round itself allocates is
// spread over its tasks, so it isn't zero; it is what rounds to 0.00.
var noAllocs = target{ofNothing, 0.005, "allocs/task", "0 allocations"}

// ratio returns a target with a fraction for its text.
func ratio(of yardstick, atMost float64, text string) target {
	return target{of: of, atMost: atMost, text: text}
}

// absolute returns a target that compares with nothing.
func absolute(atMost float64, unit string) target {
	return target{ofNothing, atMost, unit, "≤ " + format(atMost, unit)}
}

// workloads are the table, in its order.
var workloads = []workload{
	{"Spawn1M/by=task", "1M empty tasks, spawned by a task", "sec/task", "go", []target{
		ratio(ofBase, 1./6, "≤ 1/6 of go"), ratio(ofBestPool, 1./3, "≤ 1/3 of best pool"), noAllocs}},
	{"Spawn1M/by=goroutine", "1M empty tasks, spawned by a goroutine", "sec/task", "go", []target{
		ratio(ofBase, 1./3, "≤ 1/3 of go"), ratio(ofBestPool, 1./2, "≤ 1/2 of best pool")}},
	{"SpawnEmpty1M", "the same by a task, body really empty", "sec/task", "", nil},
	{"SpawnGroup1M", "1M empty tasks, waited for as a group", "sec/task", "go", nil},
	{"PingPong", "park/ready ping-pong", "sec/op", "chan", []target{
		ratio(ofBase, 0.5, "≤ 1/2 of chan")}},
	{"Yield", "yield among two on one P", "sec/op", "go", []target{
		ratio(ofBase, 1, "≤ go")}},
	{"Block", "a blocking call that returns at once", "sec/op", "unmarked", []target{
		absolute(40e-9, "sec/op"), {ofNothing, 0, "allocs/op", "0 allocations"}}},
	{"Checkpoint", "a checkpoint, nobody asking", "sec/op", "", []target{
		absolute(2e-9, "sec/op")}},
	{"ChanPingPong", "a value there and back, unbuffered Chan", "sec/op", "go", []target{
		ratio(ofBase, 0.6, "≤ 0.6 of go")}},
	{"ChanBuffered/by=1x1", "a value through a Chan of 128, 1 producer 1 consumer", "sec/op", "go", []target{
		ratio(ofBase, 1, "≤ go")}},
	{"ChanBuffered/by=4x4", "the same, 4 producers 4 consumers", "sec/op", "go", []target{
		ratio(ofBase, 1, "≤ go")}},
	{"Mutex/by=1", "lock and unlock a Mutex, uncontended", "sec/op", "go", []target{
		ratio(ofBase, 1.5, "≤ 1.5 of go")}},
	{"Mutex/by=16", "the same, 16 contend", "sec/op", "go", []target{
		ratio(ofBase, 0.7, "≤ 0.7 of go")}},
	{"Tracing", "what tracing adds to spawning by a task", "overhead-%", "", []target{
		absolute(8, "overhead-%")}},
	{"Queued1M", "memory of 1M queued, unstarted tasks", "rss-B/task", "go", []target{
		ratio(ofBase, 0.1, "≤ 1/10 of go")}},
	{"Parked1M", "memory of 1M parked tasks", "rss-B/task", "go", []target{
		ratio(ofBase, 1.25, "≤ 1.25 of go")}},
	{"Idle", "CPU time of an idle program", "core-%", "go", []target{
		absolute(0.2, "core-%")}},
	{"Timers1M", "1M timers set and stopped by a task", "sec/task", "go", []target{
		ratio(ofBase, 1, "≤ time.AfterFunc")}},
	{"TimerLate", "99 of 100 sleeps are late by, tasks with checkpoints on every P", "late-p99-sec", "go", []target{
		absolute(1e-3, "late-p99-sec")}},
	{"Echo1000/mode=task", "echo, 1,000 busy connections, a request", "sec/op", "net", []target{
		ratio(ofBase, 1, "≤ net")}},
	{"Echo1000/mode=handler", "the same in handler mode", "sec/op", "net", []target{
		ratio(ofBase, 1/1.1, "≤ 1/1.1 of net")}},
	{"Idle20K/mode=handler", "memory of an idle connection in handler mode", "rss-B/conn", "net", []target{
		ratio(ofBase, 1./5, "≤ 1/5 of net")}},
	{"Idle20K/mode=task", "the same, a task for each", "rss-B/conn", "net", nil},
	{"HTTP/mode=std", "an HTTP request, http.Server on a Listener", "sec/op", "net", nil},
	{"HTTP/mode=handler", "an HTTP request, handler mode", "sec/op", "net", nil},
	{"HTTP/mode=tls", "an HTTP request, http.Server, TLS", "sec/op", "net", nil},
	{"Nested", "nested submit and wait on two workers", "", "go", []target{
		{text: "ok"}}},
}

// check compares one target with the measurements of its workload. known is
// false if something that it needs wasn't measured.
func (t target) check(wl workload, g group) (met, known bool) {
	if wl.unit == "" {
		answers := g.answers(runqImpl)
		return len(answers) == 1 && answers[0] == t.text, len(answers) > 0
	}
	unit, bound := wl.unit, t.atMost
	switch t.of {
	case ofNothing:
		unit = t.unit
	case ofBase:
		base, ok := g.row(wl.base).stat(unit)
		if !ok {
			return false, false
		}
		bound *= base.median
	case ofBestPool:
		_, best, ok := g.bestPool(wl)
		if !ok {
			return false, false
		}
		bound *= best.median
	default:
		panic(fmt.Sprintf("table: unknown yardstick %d", t.of))
	}
	got, ok := g.row(runqImpl).stat(unit)
	return got.median <= bound, ok
}
