package torture

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestShrink has an interpreter count a yield twice that a task of a group does
// while it is locked to its thread. The smallest program that shows it has one of
// each.
func TestShrink(t *testing.T) {
	wrong := func(tr trial) bool {
		_, mistakes := tr.try(*patience, true)
		return len(mistakes) != 0
	}
	first := trial{seed: 1, cfg: randomConfig(1, 0)}
	for first.program().size() < 50 || !wrong(first) {
		first.seed++
		first.cfg = randomConfig(first.seed, 0)
	}
	s := &shrinker{best: first, fails: wrong, end: time.Now().Add(time.Minute)}
	small := s.shrink()
	if time.Now().After(s.end) {
		t.Error("shrinking doesn't come to an end")
	}
	root := small.program()
	t.Logf("from %d ops to %d, after %d attempts:\n%v%v", first.program().size(), root.size(), s.tried, root, small.cfg)
	// Run, group, child, lock, yield; a group outside needs no Run around it.
	if n := root.size(); n > 5 || root.count(kLock) != 1 || root.count(kYield) != 1 || root.count(kChild) != 1 {
		t.Errorf("the program could be smaller")
	}
	root.walk(func(o *op) {
		if o.kind == kYield && o.n != 1 {
			t.Errorf("the yield could be done %d times less", o.n-1)
		}
	})
	if small.cfg != plainConfig {
		t.Errorf("the configuration could be simpler: %v", small.cfg)
	}

	// The command that is printed leads to the same failure, in another process.
	words := strings.Fields(strings.ReplaceAll(small.command(), "'", ""))
	var args []string
	for i, w := range words {
		switch {
		case w == "-run":
			args = append(args, "-test.run="+words[i+1])
		case strings.HasPrefix(w, "-torture."):
			args = append(args, w)
		}
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), wrongVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "yield: carried out 2 times, want 1") {
		t.Errorf("the command %q: %v\n%s", small.command(), err, out)
	}
}

// TestHangReported has no patience with a program, so that the process that runs it
// ends itself.
func TestHangReported(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestProgram$", "-torture.seed=1", "-torture.patience=1ns")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "hasn't ended after 1ns: go test") || !strings.Contains(string(out), "goroutine ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The program that a worker was at when it ended is found in what it has printed.
func TestLastProgram(t *testing.T) {
	cfg := randomConfig(1, 0)
	out := fmt.Sprintf("program 1 %v\nprogram 2 %v\npanic: something\nwith program 3 in it\n", plainConfig, cfg)
	line, what := lastProgram(out)
	tr, err := parseProgramLine(line)
	if err != nil || tr.seed != 2 || tr.cfg != cfg || what != "panic: something\nwith program 3 in it\n" {
		t.Errorf("%q, %q: %v, %v", line, what, tr, err)
	}
	if _, err := parseProgramLine("no program"); err == nil {
		t.Error("a program is found where there is none")
	}
}

// Every choice of ops is a program, and what is printed of it is read again.
func TestKeep(t *testing.T) {
	for seed := uint64(1); seed < 50; seed++ {
		all := generate(seed)
		if a, b := all.String(), generate(seed).String(); a != b {
			t.Fatalf("seed %d: two programs:\n%s\n%s", seed, a, b)
		}
		if a, b := all.String(), all.filter(keepAll(all)).String(); a != b {
			t.Fatalf("seed %d: keeping all isn't everything:\n%s\n%s", seed, a, b)
		}
		keep := make(keepSet)
		all.walk(func(o *op) {
			if o.kind != kRoot && mix(seed+uint64(o.id))%3 != 0 {
				keep[o.id] = asGenerated
				if o.id%5 == 0 && o.kind == kYield {
					keep[o.id] = o.id
				}
			}
		})
		again, err := parseKeep(keep.String())
		if err != nil || again.String() != keep.String() {
			t.Errorf("seed %d: %v read again is %v, %v", seed, keep, again, err)
		}
		all.filter(keep).walk(func(o *op) {
			for _, k := range o.kids {
				if !o.mayHold(k.kind) {
					t.Errorf("seed %d: a %s in a %s", seed, kindNames[k.kind], kindNames[o.kind])
				}
			}
		})
	}
	for _, bad := range []string{"x", "3-1", "4:", "1:-2", ","} {
		if _, err := parseKeep(bad); err == nil {
			t.Errorf("parseKeep(%q) finds nothing wrong", bad)
		}
	}
}

// Configurations are read as they are printed.
func TestConfigText(t *testing.T) {
	for seed := range uint64(100) {
		c := randomConfig(seed, 0)
		again, err := parseConfig(c.String())
		if err != nil || again != c {
			t.Errorf("%v read again is %v, %v", c, again, err)
		}
	}
	if _, err := parseConfig("procs=1,slice=1ms,overruns=0,blocked=0,trace=0,order=none"); err == nil {
		t.Error("an unknown order is taken")
	}
}
