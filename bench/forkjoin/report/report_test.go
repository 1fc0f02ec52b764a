package report

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sampleRun = `date: 2026-01-02T03:04:05Z
cores: 2
row fib go-serial 1 40000000 40000000 0 3000 9227465
row fib go-serial 1 60000000 60000000 0 3000 9227465
row fib go-serial 1 50000000 50000000 0 3000 9227465
row fib runq 1 100000000 100000000 7 4096 9227465
row fib runq 2 25000000 50000000 1500 4096 9227465
row fib ants 1 deadlocks
row fib ants 2 >_60_s
row fib rust-serial 1 20000000 20000000 0 2048 9227465
row fib rayon 1 220000000 220000000 2 2048 9227465
row tree-1k go-serial 1 900 900 0 2048 500500
`

func readSample(t *testing.T, text string) *Results {
	t.Helper()
	res, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestTable(t *testing.T) {
	const want = `- date: 2026-01-02T03:04:05Z
- cores: 2

| workload | impl | workers | median | min … max | × serial | CPU | allocs | peak RSS |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| fib | go-serial | 1 | 50.0 ms | 40.0 ms … 60.0 ms | 1.00 | 50.0 ms | 0 | 3 MiB |
|  | rust-serial | 1 | 20.0 ms | 20.0 ms … 20.0 ms | 1.00 | 20.0 ms | 0 | 2 MiB |
|  | runq | 1 | 100 ms | 100 ms … 100 ms | 2.00 | 100 ms | 7 | 4 MiB |
|  | runq | 2 | 25.0 ms | 25.0 ms … 25.0 ms | 0.50 | 50.0 ms | 1.50k | 4 MiB |
|  | ants | 1 | deadlocks |  |  |  |  |  |
|  | ants | 2 | > 60 s |  |  |  |  |  |
|  | rayon | 1 | 220 ms | 220 ms … 220 ms | 11.0 | 220 ms | 2 | 2 MiB |
| tree-1k | go-serial | 1 | 900 ns | 900 ns … 900 ns | 1.00 | 900 ns | 0 | 2 MiB |
`
	var got strings.Builder
	readSample(t, sampleRun).WriteTable(&got)
	if got.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", got.String(), want)
	}
}

// TestDocument: the charts are well-formed, and each is shown.
func TestDocument(t *testing.T) {
	folder := t.TempDir()
	if err := readSample(t, sampleRun).WriteDocument(folder, []byte("| the others |\n")); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(folder, documentName))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"(benchmarks/fib.svg)", "(benchmarks/tree-1k.svg)", "| the others |"} {
		if !strings.Contains(string(doc), part) {
			t.Errorf("the document doesn't contain %q", part)
		}
	}
	svg, err := os.ReadFile(filepath.Join(folder, chartFolder, "fib.svg"))
	if err != nil {
		t.Fatal(err)
	}
	tokens := xml.NewDecoder(strings.NewReader(string(svg)))
	for err == nil {
		_, err = tokens.Token()
	}
	if err != io.EOF {
		t.Errorf("the chart isn't well-formed: %v", err)
	}
	for _, part := range []string{">deadlocks<", ">&gt; 60 s<", ">0.50<", ">11.0<"} {
		if !strings.Contains(string(svg), part) {
			t.Errorf("the chart doesn't contain %q", part)
		}
	}
}

// TestTargets: what is aimed at is compared with who comes nearest, and what wasn't measured isn't shown.
func TestTargets(t *testing.T) {
	var got strings.Builder
	readSample(t, sampleRun+`row matmul go-serial 1 100 100 0 0 x
row matmul rust-serial 1 50 50 0 0 x
row matmul runq 2 60 120 0 0 x
row matmul ants-try 2 75 150 0 0 x
row matmul rayon 2 25 50 0 0 x
row matmul rayon 1 1 1 0 0 x
row matmul runq 1 deadlocks
row matmul pond 2 deadlocks
row sort go-serial 1 300 300 0 100000 y
row sort runq 2 200 400 0 178125 y
`).writeTargets(&got)
	for _, line := range []string{
		"| fib, 1 worker: × serial Go | ≤ 2.5 | 2 | yes |",
		"| fib, 1 worker: × Rayon | ≤ 0.5 | 0.4545 | yes |",
		"| fib, 2 workers: times faster than 1 | ≥ 1.85 | 4 | yes |",
		"| matmul, 2 workers: ratio to serial, × the lowest of all others' | ≤ 1.05 | 1.2 | no |",
		"| matmul, 2 workers: wall time, × the lowest of the other Go rows | ≤ 1 | 0.8 | yes |",
		"| matmul, 1 worker: ratio to serial, × the lowest of all others' | ≤ 1.05 | NaN | no |",
		"| sort, 2 workers: times faster than slices.Sort | ≥ 1.8 | 1.5 | no |",
		"| sort, 2 workers: memory beyond slices.Sort's, × the input | ≤ 1 | 1 | yes |",
	} {
		if !strings.Contains(got.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, got.String())
		}
	}
	if n := strings.Count(got.String(), "\n"); n != 13 {
		t.Errorf("%d lines, of 8 targets and a head of 5\n%s", n, got.String())
	}
}

func TestCheck(t *testing.T) {
	if err := readSample(t, sampleRun).Check(true); err != nil {
		t.Error(err)
	}
	small := strings.ReplaceAll(sampleRun, "9227465", "6765")
	if err := readSample(t, small).Check(false); err != nil {
		t.Error(err)
	}
	if readSample(t, small).Check(true) == nil {
		t.Error("an answer that isn't the published one is no error")
	}
	odd := strings.Replace(small, "6765", "6766", 1)
	if readSample(t, odd).Check(false) == nil {
		t.Error("answers that differ are no error")
	}
}

func TestReadRejects(t *testing.T) {
	for _, text := range []string{"what is this", "row fib runq 1 2 3", "row fib runq x deadlocks", "row fib runq 1 a b c d e"} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%q is read without an error", text)
		}
	}
}
