// Package analyze finds out from a scheduler's events why tasks ran when they ran: the
// same way for runq's own events and for the execution traces of ordinary Go programs.
//
//	src, err := gotrace.Open("server.trace")
//	…
//	led := ledger.New(ledger.Options{})
//	err = analyze.Run(src, led)
//	fmt.Print(led.Report().Text())
//
// An analysis is a [Pass]: it sees every event once, in order, with the state of all
// tasks and Ps at that time, which [World] keeps for all passes together. So any number
// of them is run in one reading, and what they need of memory depends on how many tasks
// live at once and on how many places in the program they come from, not on how long the
// recording is. The passes are:
//
//   - package ledger: what every wait consists of, summed up by group, reason and P;
//   - package wakechain: who woke whom, back from what was late;
//   - package verdict: what is wrong, and who does it;
//   - package calls: blocking calls and calls of C, by caller;
//   - package diff: what has changed between two recordings.
//
// Tests write events as text: see package eventtext.
//
// # Waits
//
// A [Wait] is the time from when a task stops running (or comes into being) until it
// runs (again). It has up to two sections. First the task waits for an event, or for a
// blocking call to return. Then it is ready, waits in a queue, and the question is why
// it doesn't run. The queue is that of the P on which it was readied, as far as that is
// known: the same P that will run it, unless another one steals it. Each nanosecond of
// that section goes to what that P did in it ([Part]). A task that yields, or that comes
// back from a call and finds no P, waits for any P: then the question is only whether
// one was free. The parts of a wait add up to its length exactly.
//
// A group of tasks is those that were started with the same function; where that is only
// a launcher, such as sync.WaitGroup.Go, those that were started at the same place.
package analyze
