package torture

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runq-go/runq/internal/leak"
)

var (
	duration  time.Duration
	seedFlag  = flag.Uint64("torture.seed", 0, "the seed to begin with; 0: a fixed one, and one made from the time")
	keepFlag  = flag.String("torture.keep", "", "TestProgram: the ops to keep of the program, as a failure prints them")
	cfgFlag   = flag.String("torture.config", "", "TestProgram: the configuration; none: those that TestTorture uses for the seed")
	runsFlag  = flag.Int("torture.runs", 20, "TestProgram: how often to run the program")
	limitFlag = flag.Duration("torture.limit", time.Hour, "TestProgram: how long to go on with runs at most")
	patience  = flag.Duration("torture.patience", time.Minute, "how long a program may take before it counts as hanging")
	shrinkFor = flag.Duration("torture.shrink", 3*time.Minute, "how long to make a program smaller that has failed")
)

func init() {
	const usage = "TestTorture: how long to go on with random programs"
	flag.DurationVar(&duration, "torture.duration", 2*time.Second, usage)
	flag.DurationVar(&duration, "duration", 2*time.Second, usage)
}

const (
	// workerVariable makes the process run programs in place of the tests: a crash
	// then ends the process that runs them, and not the one that reports it.
	workerVariable = "RUNQ_TORTURE_WORKER"

	// haltOnRace has the race detector end a process at the first race, so that the
	// program it comes from is known.
	haltOnRace = "GORACE=halt_on_error=1"

	// wrongVariable makes TestProgram carry out something wrongly.
	wrongVariable = "RUNQ_TORTURE_WRONG"

	// configsPerSeed is how many configurations run the program of one seed: all
	// must agree with the reference, and so with each other.
	configsPerSeed = 2

	// fixedSeed is where the part of each run begins that is always the same.
	fixedSeed = 1

	// shrinkRuns is how often a smaller program runs before it counts as one that
	// doesn't fail: most failures are races.
	shrinkRuns = 20

	// shrinkLimit is how long these runs may take together, so that large programs
	// don't use up the time for shrinking.
	shrinkLimit = 10 * time.Second

	// shrinkPatience is what counts as hanging while a program is made smaller: it
	// has been cut short in the first place, so that little is lost by a mistake.
	shrinkPatience = 10 * time.Second

	// heap is what Go's descriptors of ended goroutines may take, which it keeps: a
	// burst of tasks that sleep makes burstMost of them, some hundred bytes each.
	heap = 32 << 20

	// threads is enough for some programs' locked tasks, which have one each.
	threads = 256

	// margin is how long before the end of the tests' time TestTorture stops: a
	// program may hang then, and still be reported.
	margin = 90 * time.Second
)

func TestMain(m *testing.M) {
	flag.Parse()
	if text := os.Getenv(workerVariable); text != "" {
		os.Exit(work(text))
	}
	leak.Main(m, leak.Budget{Heap: heap, Threads: threads})
}

// work runs programs, one seed after the other. The last line that begins with
// "program" says which one it was at when it ended.
func work(text string) (code int) {
	var seed uint64
	var length time.Duration
	if _, err := fmt.Sscan(text, &seed, (*int64)(&length)); err != nil {
		fmt.Printf("%s=%q: %v\n", workerVariable, text, err)
		return 2
	}
	var sum score
	for end := time.Now().Add(length); time.Now().Before(end); seed++ {
		for i := range configsPerSeed {
			tr := trial{seed: seed, cfg: randomConfig(seed, i)}
			fmt.Printf("program %d %v\n", tr.seed, tr.cfg)
			sc, mistakes := tr.try(*patience, false)
			if len(mistakes) != 0 {
				fmt.Println(strings.Join(mistakes, "\n"))
				return 1
			}
			sum.add(sc)
		}
	}
	fmt.Printf("%d runs of programs, %d tasks, %d events checked\n", sum.trials, sum.tasks, sum.events)
	return 0
}

// TestTorture runs random programs for a while, in two processes at once: one from a
// fixed seed on, the other from one that nobody has tried. That they disturb each
// other is welcome.
func TestTorture(t *testing.T) {
	length := duration
	if deadline, ok := t.Deadline(); ok && time.Until(deadline)-margin < length {
		length = max(time.Until(deadline)-margin, time.Second)
		t.Logf("cut short to %v, because the tests must end by then: see -timeout", length.Round(time.Second))
	}
	seeds := []uint64{fixedSeed, uint64(time.Now().UnixNano())}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	var wg sync.WaitGroup
	for _, seed := range seeds {
		wg.Go(func() { torture(t, seed, length) })
	}
	wg.Wait()
}

// torture has a worker run programs from the seed on, and makes the one that fails
// smaller.
func torture(t *testing.T, seed uint64, length time.Duration) {
	fmt.Printf("torture: from seed %d on, for %v\n", seed, length.Round(time.Millisecond))
	cmd := exec.Command(os.Args[0], "-torture.patience="+patience.String())
	cmd.Env = append(os.Environ(), haltOnRace, fmt.Sprintf("%s=%d %d", workerVariable, seed, int64(length)))
	out, err := cmd.CombinedOutput()
	line, what := lastProgram(string(out))
	if err == nil {
		fmt.Printf("torture: from seed %d on: %s", seed, what)
		return
	}
	tr, perr := parseProgramLine(line)
	if perr != nil {
		t.Errorf("the worker: %v\n%s\n%v", err, out, perr)
		return
	}
	t.Errorf("%s\n%v\n%s", tr.command(), err, what)
	report(t, tr)
}

// lastProgram returns the line of a worker's output that says which program it was
// at, and what follows it.
func lastProgram(out string) (line, what string) {
	if i := strings.LastIndex("\n"+out, "\nprogram "); i >= 0 {
		line, what, _ = strings.Cut(out[i:], "\n")
	}
	return line, what
}

func parseProgramLine(line string) (tr trial, err error) {
	var cfg string
	if _, err = fmt.Sscanf(line, "program %d %s", &tr.seed, &cfg); err == nil {
		tr.cfg, err = parseConfig(cfg)
	}
	return tr, err
}

// report makes a failing trial smaller and prints it.
func report(t *testing.T, tr trial) {
	end := time.Now().Add(*shrinkFor)
	if deadline, ok := t.Deadline(); ok && deadline.Add(-margin/3).Before(end) {
		end = deadline.Add(-margin / 3)
	}
	if !failsInChild(tr, shrinkRuns) {
		t.Errorf("it doesn't fail again in %d runs; the program is\n%v", shrinkRuns, tr.program())
		return
	}
	s := &shrinker{best: tr, end: end, fails: func(tr trial) bool { return failsInChild(tr, shrinkRuns) }}
	small := s.shrink()
	_, out := runChild(small, 5*shrinkRuns)
	t.Errorf("after %d attempts the program that fails is:\n%v\n%v\nrun it with\n%s\nwhat it says:\n%s", s.tried, small.program(), small.cfg, small.command(), out)
}

// failsInChild tells whether one of several runs of the trial fails, in a process of
// its own.
func failsInChild(tr trial, runs int) bool {
	failed, _ := runChild(tr, runs)
	return failed
}

func runChild(tr trial, runs int) (failed bool, out []byte) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestProgram$", "-test.timeout=0",
		"-torture.seed="+strconv.FormatUint(tr.seed, 10), "-torture.keep="+tr.keep.String(), "-torture.config="+tr.cfg.String(),
		"-torture.runs="+strconv.Itoa(runs), "-torture.limit="+shrinkLimit.String(), "-torture.patience="+min(*patience, shrinkPatience).String())
	cmd.Env = append(os.Environ(), haltOnRace)
	out, err := cmd.CombinedOutput()
	return err != nil, out
}

// TestProgram runs the program of one seed, or what is kept of it, as TestTorture
// prints it for one that fails.
func TestProgram(t *testing.T) {
	if *seedFlag == 0 {
		t.Skip("without -torture.seed there is no program to run")
	}
	keep, err := parseKeep(*keepFlag)
	if err != nil {
		t.Fatal(err)
	}
	var configs []config
	if *cfgFlag != "" {
		c, err := parseConfig(*cfgFlag)
		if err != nil {
			t.Fatal(err)
		}
		configs = append(configs, c)
	} else {
		for i := range configsPerSeed {
			configs = append(configs, randomConfig(*seedFlag, i))
		}
	}
	t.Logf("\n%v", generate(*seedFlag).filter(keep))
	end := time.Now().Add(*limitFlag)
	for i := 0; i < *runsFlag && time.Now().Before(end); i++ {
		for _, c := range configs {
			tr := trial{seed: *seedFlag, keep: keep, cfg: c}
			if _, mistakes := tr.try(*patience, os.Getenv(wrongVariable) != ""); len(mistakes) != 0 {
				t.Fatalf("%v\n%s", c, strings.Join(mistakes, "\n"))
			}
		}
	}
}
