// Package torture runs random programs of tasks on random schedulers and compares
// what they come to with what a reference executor says. All of it is tests, so
// that nothing can import it; README.md says what is tried and how to run it.
package torture
