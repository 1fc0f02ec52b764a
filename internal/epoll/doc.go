// Package epoll wraps what the scheduler needs of Linux's epoll: descriptors that
// are watched for both directions, a look that doesn't wait, and a wait that costs
// no thread.
//
// The last is the point. A goroutine that sleeps in epoll_wait keeps its Go P until
// Go's sysmon takes that away, again and again. But an epoll descriptor can be
// watched by another one: a [Poller] is registered with Go's own network poller, and
// who waits for it is a parked goroutine like any other.
//
// On other systems the package is empty.
package epoll
