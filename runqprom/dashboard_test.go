package runqprom

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/runq-go/runq"
)

// dashboard is what the tests look at of Grafana's model.
type dashboard struct {
	Title         string
	SchemaVersion int
	Panels        []dashboardPanel
	Templating    struct {
		List []struct {
			Name, Type string
			Definition string
			Query      any
			Datasource struct{ UID string }
		}
	}
}

type dashboardPanel struct {
	ID          int
	Type, Title string
	Datasource  struct{ Type, UID string }
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ UID string }
	}
}

func parseDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(Dashboard), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 || len(d.Templating.List) == 0 {
		t.Fatal("the dashboard has no panels, or no variables")
	}
	return d
}

// expressions returns all queries of the dashboard, those of its variables first.
func (d *dashboard) expressions() (exprs []string) {
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			exprs = append(exprs, v.Definition)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	return exprs
}

var (
	metricName = regexp.MustCompile(`\brunq_\w+`)
	selector   = regexp.MustCompile(`\b(runq_\w+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)=~"\$(\w+)"`)
	variable   = regexp.MustCompile(`\$\{?(\w+)`)
)

// TestDashboardMetrics: what the dashboard asks for is collected, with those labels; and
// what is collected is shown.
func TestDashboardMetrics(t *testing.T) {
	d := parseDashboard(t)
	values, comments := samples(t, scrape(t, fixed(runq.Stats{Classes: numbered(1)})))
	kinds := kindsOf(comments)
	labels := make(map[string]string) // by series' name, one of its sets
	for series := range values {
		name, set, _ := strings.Cut(series, "{")
		labels[name] = set
	}
	shown := make(map[string]bool)
	for _, expr := range d.expressions() {
		for _, name := range metricName.FindAllString(expr, -1) {
			if _, ok := labels[name]; !ok {
				t.Errorf("there is no series %s, which the dashboard asks for: %s", name, expr)
			}
			shown[family(kinds, name)] = true
			if kind := kinds[family(kinds, name)]; kind != "gauge" && !strings.Contains(expr, "rate(") && !strings.Contains(expr, ") - sum(") {
				t.Errorf("%s is a %s, and shown without a rate: %s", name, kind, expr)
			}
		}
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
				if l[1] != "instance" && !strings.Contains(labels[m[1]], l[1]+"=") {
					t.Errorf("%s has no label %s: %s", m[1], l[1], expr)
				}
			}
		}
	}
	for name := range kinds {
		if !shown[name] {
			t.Errorf("the dashboard doesn't show %s", name)
		}
	}
}

// TestDashboardVariables: what a query refers to is defined, and the data source is left
// to who imports the dashboard.
func TestDashboardVariables(t *testing.T) {
	d := parseDashboard(t)
	known := []string{"__rate_interval"} // Grafana's own
	for _, v := range d.Templating.List {
		known = append(known, v.Name)
		if v.Name == "datasource" != (v.Type == "datasource") || v.Type == "query" && v.Datasource.UID != "${datasource}" {
			t.Errorf("variable %s is of type %s, from %s", v.Name, v.Type, v.Datasource.UID)
		}
	}
	for _, expr := range d.expressions() {
		for _, m := range variable.FindAllStringSubmatch(expr, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("there is no variable $%s: %s", m[1], expr)
			}
		}
	}
	for _, p := range d.Panels {
		if p.Type != "row" && (p.Datasource.Type != "prometheus" || p.Datasource.UID != "${datasource}") {
			t.Errorf("panel %q has the data source %v", p.Title, p.Datasource)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" || target.LegendFormat == "" {
				t.Errorf("panel %q: data source %q, legend %q", p.Title, target.Datasource.UID, target.LegendFormat)
			}
		}
	}
}

// TestDashboardPanels: every panel has a number and a place of its own, and something to
// show.
func TestDashboardPanels(t *testing.T) {
	const columns = 24 // of Grafana's grid
	d := parseDashboard(t)
	ids, places := make(map[int]bool), make(map[[2]int]string)
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("panel %q has the id %d, as another has, or none", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" == (len(p.Targets) > 0) {
			t.Errorf("panel %q of type %s has %d queries", p.Title, p.Type, len(p.Targets))
		}
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > columns {
			t.Errorf("panel %q is at %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, taken := places[[2]int{x, y}]; taken {
					t.Fatalf("panels %q and %q are in the same place", other, p.Title)
				}
				places[[2]int{x, y}] = p.Title
			}
		}
	}
}
