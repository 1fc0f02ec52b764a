package report

import "strings"

// A spec says what a workload is.
type spec struct {
	name, title, what string
	published         string // the answer that is known from elsewhere; empty if there is none
}

var workloads = []spec{
	{"fib", "fib(35)", "The recursion without a cut-off: 30 million forks with next to nothing between them.", "9227465"},
	{"skynet", "skynet, a million leaves", "A tree ten wide; every node waits for its ten children and adds what they answer.", "499999500000"},
	{"nqueens", "13 queens", "All ways to place them; a task for each place that isn't attacked, which copies the board.", "73712"},
	{"uts-t1", "UTS T1", "A geometric tree of 4 million nodes, made by SHA-1 as it is walked: the size of a part can't be known before.", "4130071"},
	{"uts-t3", "UTS T3", "A binomial tree of 4 million nodes, up to 1,572 levels deep: most nodes have no children, some have a great many below.", "4112897"},
	{"matmul", "matrix product, 1024 × 1024", "By quadrants down to blocks of 32 × 32.", ""},
	{"mergesort", "merge sort of 10 million numbers", "Written out with the same cut-offs in all languages; the merges are parallel too.", ""},
	{"tree-1k", "sum of a tree of 1,000 nodes", "Some microseconds of work in all: does asking for help cost more than it brings?", "500500"},
	{"tree-10m", "sum of a tree of 10 million nodes", "A fork at every node, a few nanoseconds of work in each.", "50000005000000"},
	{"for", "a loop of a million tiny bodies", "Each library's own parallel loop; with the Go pools, one part for each worker.", ""},
	{"sort", "sort of 10 million numbers", "Each library's own sort; with the Go pools, `slices.Sort` of parts and the parallel merge.", ""},
	{"uneven", "uneven branches", "A thousand branches of one unit of work and one of a thousand units, which splits like the others. At two workers the ideal is 0.5.", ""},
}

// serialOf returns the serial implementation of an implementation's language.
func serialOf(impl string) string {
	switch impl {
	case "rust-serial", "rayon":
		return "rust-serial"
	case "cpp-serial", "onetbb", "openmp":
		return "cpp-serial"
	default:
		return "go-serial"
	}
}

func isSerial(impl string) bool { return strings.HasSuffix(impl, "-serial") }
