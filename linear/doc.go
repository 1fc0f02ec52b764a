// Package linear checks that what runq's channels, locks and events are seen to do
// under stress is what they are documented to do: that recorded histories of calls
// are linearizable. It is a module of its own, so that the checker, porcupine, is no
// dependency of runq. All of it is tests.
//
// # A history
//
// A few clients call random methods of one object, or of two channels and Select.
// A client is now a task of one of three schedulers, now an ordinary goroutine; a
// task has a context, which other clients end at random. Between the calls tasks
// yield, sleep, block and lock their threads, and the number of Ps changes. A counter
// stamps each call and each return.
//
// The stamps order all clients, so a history has no data race that isn't one within a
// call: what synchronises with what is tested elsewhere, under the race detector.
//
// # What is checked
//
// A call that can't wait must have had its effect at one moment between its call and
// its return. One that can wait has two such moments: in the first it gets what it
// wants or joins the queue, in the second it has got it, or gives up. Between the two
// the object knows of it. So the specifications contain the queues, and these follow
// from them:
//
//   - Chan, and Select over two: values are received once, in the order in which they
//     were sent; a buffer has its capacity and no more; with none, a Send returns
//     only when a Recv has begun, and the other way about; those who wait are served
//     in the order in which they came; TrySend, TryRecv and Otherwise fail only if
//     nobody waits on the other side; Close ends all waits and loses no value; of a
//     Select's cases just one is done; and a call that its context has ended had to
//     wait, and has done nothing.
//   - Semaphore: units are granted in the order of the requests; nobody waits for
//     what is there; a cancelled Acquire takes nothing, and those behind it move up.
//   - Mutex and RWMutex: who is inside at the same time; a Try fails only for a
//     reason; a reader that comes while a writer waits doesn't get in before it,
//     unless the readers have been given a turn by a writer that unlocked.
//   - Event and WaitGroup: Set, or the counter's zero, ends all waits that have begun.
//
// That a call has joined the queue is known at its return. It is known earlier when a
// snapshot shows its task waiting: the first moment is before the end of the snapshot
// then. Snapshots are taken at random; they are what makes a wrong order of waiters
// visible. Only tasks are seen so, not goroutines.
//
// When all clients wait and none can go on, somebody helps them with one call more,
// which is part of the history. He doesn't help when one could go on, or has only to
// notice that its context has ended: a lost wake-up makes the history hang, and that is
// reported.
//
// # What isn't checked
//
// Mutex may be taken by who comes before who waits, so its specification has no queue;
// nor is there an order among those who wait for an RWMutex. Which of several
// cases Select chooses, how long anything takes, and that nobody starves, is no matter
// of linearizability. Cond isn't here: its Wait is explained by its Mutex and a queue
// that nothing but the next Signal tells of.
//
// That the checks find what they should is tested with objects that are broken on
// purpose, at least one for each specification.
//
// # For longer
//
// The flag -duration says how long histories are made, -seed which is the first: the
// clients of a history choose the same again then, but the schedule is another one. A
// history that isn't linearizable is printed, with the name of a file that has
// porcupine's picture of it; with -artifacts it is kept.
//
//	go test -run Linearizable -duration 5m -artifacts -v
package linear
