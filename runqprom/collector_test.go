package runqprom

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/runq-go/runq"
)

var update = flag.Bool("update", false, "write the golden files anew")

var quiet = slog.New(slog.DiscardHandler)

func newScheduler(t testing.TB, cfg runq.Config) *runq.Scheduler {
	t.Helper()
	cfg.Logger = quiet
	s, err := runq.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// scrape returns what Prometheus reads of the collectors.
func scrape(t testing.TB, cs ...prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(cs...)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("a scrape ends with status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// samples returns the values by series, and the comments.
func samples(t testing.TB, text string) (values map[string]float64, comments []string) {
	t.Helper()
	values = make(map[string]float64)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			comments = append(comments, line)
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		values[line[:at]] = v
	}
	return values, comments
}

// fixed returns a collector of figures that don't change.
func fixed(st runq.Stats) *collector {
	return newCollector(func() runq.Stats { return st }, options{name: "x"})
}

// TestNamesTypesHelp: what others have built upon stays.
func TestNamesTypesHelp(t *testing.T) {
	_, comments := samples(t, scrape(t, fixed(runq.Stats{Classes: make([]runq.ClassStats, 1)})))
	got := strings.Join(comments, "\n") + "\n"
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("names, types or helps have changed; -update writes %s anew. They are now:\n%s", golden, got)
	}
}

func TestLint(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, NewCollector(newScheduler(t, runq.Config{}))))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestEveryFigure: a change of any field of the figures changes what is scraped.
func TestEveryFigure(t *testing.T) {
	st := runq.Stats{Procs: 4, Classes: []runq.ClassStats{{Name: "c"}}}
	before := scrape(t, fixed(st))
	everyFigure(t, "Stats", reflect.ValueOf(&st).Elem(), func(name string) {
		if scrape(t, fixed(st)) == before {
			t.Errorf("%s is in no metric", name)
		}
	})
	if scrape(t, fixed(st)) != before {
		t.Error("the test hasn't undone its changes")
	}
}

// everyFigure calls check with each figure in v changed, by name, one at a time.
func everyFigure(t *testing.T, name string, v reflect.Value, check func(name string)) {
	switch {
	case v.Type() == reflect.TypeFor[runq.Histogram]():
		everyFigure(t, name, v.Field(0).Index(20), check) // about 1 ms
		return
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			everyFigure(t, name+"."+v.Type().Field(i).Name, v.Field(i), check)
		}
		return
	case v.Kind() == reflect.Slice:
		everyFigure(t, name, v.Index(0), check)
		return
	}
	saved := reflect.New(v.Type()).Elem()
	saved.Set(v)
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Interface:
		v.Set(reflect.ValueOf(errors.New("x")))
	default:
		t.Fatalf("%s is of kind %v, which this test doesn't know", name, v.Kind())
	}
	check(name)
	v.Set(saved)
}

// Figures arrive in seconds, and under their labels.
func TestValues(t *testing.T) {
	var h runq.Histogram
	h.Buckets[0], h.Buckets[10], h.Buckets[11], h.Buckets[34], h.Buckets[35], h.Buckets[39] = 1, 2, 4, 8, 16, 32
	values, _ := samples(t, scrape(t, fixed(runq.Stats{
		Procs: 4, Idle: 1, Spawned: 7, StopTime: 1500, StopMax: 250e6, TimerLateness: h,
		Background: runq.BackgroundStats{Allowed: -1, Throttled: 2500 * time.Millisecond},
		Classes: []runq.ClassStats{
			{Name: "a", Weight: 3, Background: true, Run: 90 * time.Second, Wait: h, WaitSum: 1500 * time.Millisecond},
			{Name: "b\xff", Queued: 2},
		},
	})))
	want := map[string]float64{
		`runq_ps{scheduler="x",state="idle"}`:     1,
		`runq_ps{scheduler="x",state="running"}`:  3,
		`runq_tasks_spawned_total{scheduler="x"}`: 7,
		`runq_stop_seconds_total{scheduler="x"}`:  1.5e-6,
		`runq_stop_max_seconds{scheduler="x"}`:    0.25,

		`runq_background_allowed_cpus{scheduler="x"}`:        math.Inf(1),
		`runq_cgroup_throttled_seconds_total{scheduler="x"}`: 2.5,

		`runq_class_weight{class="a",scheduler="x"}`: 3,

		`runq_class_background{class="a",scheduler="x"}`:        1,
		`runq_class_background{class="b�",scheduler="x"}`:       0,
		`runq_class_queued_tasks{class="b�",scheduler="x"}`:     2,
		`runq_class_run_seconds_total{class="a",scheduler="x"}`: 90,

		`runq_class_wait_seconds_bucket{class="a",scheduler="x",le="1.024e-06"}`:    3,
		`runq_class_wait_seconds_bucket{class="a",scheduler="x",le="2.048e-06"}`:    7,
		`runq_class_wait_seconds_bucket{class="a",scheduler="x",le="8.589934592"}`:  7,
		`runq_class_wait_seconds_bucket{class="a",scheduler="x",le="17.179869184"}`: 15,
		`runq_class_wait_seconds_bucket{class="a",scheduler="x",le="+Inf"}`:         63,
		`runq_class_wait_seconds_count{class="a",scheduler="x"}`:                    63,
		`runq_class_wait_seconds_sum{class="a",scheduler="x"}`:                      1.5,
		`runq_timer_lateness_seconds_count{scheduler="x"}`:                          63,
	}
	for series, v := range want {
		if got, ok := values[series]; !ok || got != v {
			t.Errorf("%s is %v, there: %t; want %v", series, got, ok, v)
		}
	}
}

// The estimate of a sum can't be more than half of it wrong, whatever the times were.
func TestAbout(t *testing.T) {
	for _, ns := range []int64{1, 2, 3, 1000, 1023, 1024, 123456789, 1 << 38} {
		var h runq.Histogram
		for i := range h.Buckets {
			if ns < 1<<i {
				h.Buckets[i] = 10
				break
			}
		}
		if got := about(&h); got < time.Duration(10*ns)*2/3-10 || got > time.Duration(10*ns)*3/2 {
			t.Errorf("10 times %d ns are about %v", ns, got)
		}
	}
}

// work gives every class something to do, and waits for it.
func work(t testing.TB, s *runq.Scheduler) {
	t.Helper()
	for _, c := range s.Classes() {
		err := c.Run(nil, func(tk *runq.Task) error {
			g, _ := runq.NewGroup(tk.Context(), s)
			for range 10 {
				g.Go(func(tk *runq.Task) error {
					tk.Yield()
					tk.Sleep(time.Microsecond)
					tk.Block(func() {})
					return nil
				})
			}
			return g.Wait(tk)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// While a scheduler works, nothing that counts goes back, and histograms are in order.
func TestLive(t *testing.T) {
	s := newScheduler(t, runq.Config{Procs: 2, Times: true})
	if _, err := s.Class("reports", runq.ClassConfig{Weight: 10}); err != nil {
		t.Fatal(err)
	}
	c := NewCollector(s, WithName("live"))
	var stop atomic.Bool
	over := make(chan struct{})
	go func() {
		defer close(over)
		for !stop.Load() {
			work(t, s)
		}
	}()
	last := make(map[string]float64)
	for range 50 {
		values, comments := samples(t, scrape(t, c))
		kinds := kindsOf(comments)
		for series, v := range values {
			name, _, _ := strings.Cut(series, "{")
			if kinds[family(kinds, name)] != "gauge" && v < last[series] {
				t.Errorf("%s went back from %v to %v", series, last[series], v)
			}
		}
		if len(last) > 0 && len(values) != len(last) {
			t.Errorf("%d series after %d", len(values), len(last))
		}
		last = values
	}
	stop.Store(true)
	<-over
	work(t, s)
	checkIdle(t, s, c)
}

// checkIdle compares what is scraped with the figures, while nothing goes on.
func checkIdle(t *testing.T, s *runq.Scheduler, c prometheus.Collector) {
	t.Helper()
	s.Close()
	values, _ := samples(t, scrape(t, c))
	st := s.Stats()
	if got := values[`runq_tasks_finished_total{scheduler="live"}`]; got != float64(st.Finished) || got == 0 {
		t.Errorf("%v tasks finished, in Stats %d", got, st.Finished)
	}
	if len(st.Classes) != 4 {
		t.Errorf("%d classes", len(st.Classes))
	}
	for _, cs := range st.Classes {
		for name, h := range map[string]runq.Histogram{"wait": cs.Wait, "stretch": cs.Stretch, "latency": cs.Latency} {
			series := fmt.Sprintf(`runq_class_%s_seconds_count{class="%s",scheduler="live"}`, name, cs.Name)
			if got := values[series]; got != float64(h.Count()) || got == 0 {
				t.Errorf("%s is %v, in Stats %d", series, got, h.Count())
			}
		}
	}
}

// kindsOf returns the types of the metrics by name.
func kindsOf(comments []string) map[string]string {
	kinds := make(map[string]string)
	for _, c := range comments {
		if f := strings.Fields(c); f[1] == "TYPE" {
			kinds[f[2]] = f[3]
		}
	}
	return kinds
}

// family returns the metric that a series with the name belongs to, "" if there is none.
func family(kinds map[string]string, name string) string {
	if _, ok := kinds[name]; ok {
		return name
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && kinds[base] == "histogram" {
			return base
		}
	}
	return ""
}

func TestSeveralSchedulers(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	one, two := newScheduler(t, runq.Config{}), newScheduler(t, runq.Config{})
	if err := errors.Join(reg.Register(NewCollector(one)), reg.Register(NewCollector(two, WithName("two\xff")))); err != nil {
		t.Fatal(err)
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(NewCollector(nil)); !errors.As(err, &already) {
		t.Errorf("a second one with the same name: %v", err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "scheduler" {
					names[l.GetValue()] = true
				}
			}
		}
	}
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, []string{"default", "two�"}) {
		t.Errorf("schedulers %q", got)
	}
}

func TestSeries(t *testing.T) {
	count := func(classes int) int {
		values, _ := samples(t, scrape(t, fixed(runq.Stats{Classes: numbered(classes)})))
		return len(values)
	}
	none, one := count(0), count(1)
	t.Logf("%d series, and %d for each class", none, one-none)
	if two := count(2); two-one != one-none {
		t.Errorf("%d, %d and %d series for 0, 1 and 2 classes", none, one, two)
	}
}

// numbered returns classes with different names.
func numbered(n int) (classes []runq.ClassStats) {
	for i := range n {
		classes = append(classes, runq.ClassStats{Name: fmt.Sprint(i)})
	}
	return classes
}

func BenchmarkCollect(b *testing.B) {
	c := NewCollector(newScheduler(b, runq.Config{}))
	b.ReportAllocs()
	for b.Loop() {
		to := make(chan prometheus.Metric, 1000) // more than there are
		c.Collect(to)
	}
}
