package leak

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// openFiles returns the open descriptors and what they stand for; but for one of
// each kind that Go's poller opens when it is first used, and keeps.
func openFiles() map[string]string {
	files := make(map[string]string)
	pollers := map[string]bool{"anon_inode:[eventpoll]": true, "anon_inode:[eventfd]": true}
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, f := range names {
		name, err := os.Readlink(f)
		if err != nil {
			continue // the folder itself, which was open while it was listed
		}
		if pollers[name] {
			delete(pollers, name)
			continue
		}
		files[filepath.Base(f)] = name
	}
	return files
}

// psAtLeast is how many Go Ps to reckon with: some tests use so many for a while,
// whatever the machine has.
const psAtLeast = 8

// maxThreads returns how many threads there may be.
func maxThreads(budget int) int { return max(runtime.GOMAXPROCS(0), psAtLeast) + budget }

// threads returns how many threads the process has.
func threads() int { return len(tasks()) }

func tasks() []string {
	names, _ := filepath.Glob("/proc/self/task/*")
	return names
}

// threadStates returns a line for each thread: its number, name and state.
func threadStates() string {
	var b strings.Builder
	for _, task := range tasks() {
		if stat, err := os.ReadFile(task + "/stat"); err == nil {
			fmt.Fprintln(&b, string(stat[:min(len(stat), 40)]))
		}
	}
	return b.String()
}

// children returns the child processes, dead ones that nobody has waited for
// included: number, name and state.
func children() (all []string) {
	self := strconv.Itoa(os.Getpid())
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// The name is in parentheses and may have any character in it.
		i := strings.LastIndexByte(string(stat), ')')
		if f := strings.Fields(string(stat[i+1:])); i > 0 && len(f) > 1 && f[1] == self {
			all = append(all, string(stat[:i+1]))
		}
	}
	return all
}
