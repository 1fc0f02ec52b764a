package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// render writes raw to a file and returns the table made of it.
func render(t *testing.T, raw string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "raw.txt")
	if err := os.WriteFile(path, []byte(raw), 0o666); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := run([]string{path}, &out)
	return out.String(), err
}

// cells returns the cells of the first line that starts with the given ones.
func cells(t *testing.T, table string, first ...string) []string {
	t.Helper()
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| "+strings.Join(first, " | ")+" |") {
			return strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |\n"), " | ")
		}
	}
	t.Fatalf("no line %q in\n%s", first, table)
	return nil
}

func TestMediansRatiosAndVerdict(t *testing.T) {
	table, err := render(t, `commit: abc
BenchmarkSpawn1M/by=task/impl=runq-2 3 20 ns/task 0.001 allocs/task
BenchmarkSpawn1M/by=task/impl=runq-2 3 10 ns/task 0.001 allocs/task
BenchmarkSpawn1M/by=task/impl=runq-2 3 90 ns/task 0.001 allocs/task
BenchmarkSpawn1M/by=task/impl=go-2 3 100 ns/task
BenchmarkSpawn1M/by=task/impl=ants-2 3 400 ns/task
BenchmarkSpawn1M/by=task/impl=pond-2 3 40 ns/task
`)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table, "- commit: abc\n") {
		t.Errorf("the commit is missing in\n%s", table)
	}
	got := cells(t, table, "1M empty tasks, spawned by a task", "runq")
	for i, want := range map[int]string{2: "20.00ns", 3: "10.00ns … 90.00ns", 4: "0.20", 5: "0.50", 8: "0.00", 10: "NO, NO, yes"} {
		if got[i] != want {
			t.Errorf("%s = %q, want %q", columns[i], got[i], want)
		}
	}
	if got := cells(t, table, "", "ants"); got[2] != "400.0ns" {
		t.Errorf("the row of ants is %q, want its median to be 400.0ns", got)
	}
}

func TestEachGOMAXPROCSIsComparedWithItself(t *testing.T) {
	table, err := render(t, `
BenchmarkPingPong/impl=runq 10 40 ns/op
BenchmarkPingPong/impl=runq-4 10 400 ns/op
BenchmarkPingPong/impl=chan 10 100 ns/op
BenchmarkPingPong/impl=chan-4 10 500 ns/op
`)
	if err != nil {
		t.Fatal(err)
	}
	for procs, want := range map[string]struct{ ratio, met string }{"1": {"0.40", "yes"}, "4": {"0.80", "NO"}} {
		got := cells(t, table, "park/ready ping-pong, GOMAXPROCS "+procs, "runq")
		if got[4] != want.ratio || got[10] != want.met {
			t.Errorf("GOMAXPROCS %s: ratio %s, met %s; want %s, %s", procs, got[4], got[10], want.ratio, want.met)
		}
	}
}

func TestAnswersAndMissingRows(t *testing.T) {
	table, err := render(t, `
BenchmarkNested/impl=runq/answer=ok-2 1 5 ns/op
BenchmarkNested/impl=runq/answer=deadlocks-2 1 5 ns/op
BenchmarkYield/impl=go-2 1 5 ns/op
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := cells(t, table, "nested submit and wait on two workers", "runq"); got[2] != "ok, deadlocks" || got[10] != "NO" {
		t.Errorf("the row of Nested is %q, want both answers and that the target isn't met", got)
	}
	if got := cells(t, table, "yield among two on one P", "runq"); got[2] != none || got[10] != "not measured" {
		t.Errorf("the row of Yield is %q, want it to say that runq wasn't measured", got)
	}
}

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"no results":  {"nothing\n", "no benchmark results"},
		"no impl":     {"BenchmarkX-2 1 5 ns/op\n", "no part /impl="},
		"broken line": {"BenchmarkX/impl=go-2 1 five ns/op\n", "raw.txt:1"},
	} {
		if _, err := render(t, c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
