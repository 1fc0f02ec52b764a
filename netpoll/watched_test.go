//go:build linux && !netpoll_goroutines

package netpoll

// watched: the scheduler watches the descriptors.
const watched = true
