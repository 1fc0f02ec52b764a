// Package lint holds the rules of this repository as tests: which package may
// import which, what must be documented, what the examples print. Each rule says
// why it is there.
package lint
