// Package bench compares runq with plain goroutines and with the well-known
// pools. It is a module of its own, so that the peers are no dependencies of
// runq. Everything in the package is a benchmark; README.md says what each one
// does, and run.sh runs them all and writes one table.
package bench
