// Package faults has tests of runq, and nothing else, that make trouble from below:
// processes that are stopped and continued, given a tenth of a processor, killed;
// threads that can't be had; a garbage collector that never rests; clocks that
// read anything. Each test says what runq promises for its case.
//
// They use the public interface only, and child processes, since what they do
// concerns a whole process. docs/reliability.md lists the promises.
package faults
