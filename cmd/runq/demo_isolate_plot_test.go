package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wellFormed counts the elements of an XML document by name.
func wellFormed(t *testing.T, text string) map[string]int {
	t.Helper()
	elements := make(map[string]int)
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || strings.Contains(a.Value, "%!") {
					t.Errorf("<%s> has %s=%q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestPlot(t *testing.T) {
	for _, c := range []struct {
		name string
		rows []isolateRow
		want int // curves
	}{
		{"all", fixedRows(), 5},
		{"one", fixedRows()[3:4], 1},
		{"nothing answered", []isolateRow{{mode: isolateModes[0], trials: []trial{{Load: emptyLoad()}}}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			picture := svgPlot(c.rows)
			if got := wellFormed(t, picture)["polyline"]; got != c.want*kinds {
				t.Errorf("%d curves, want %d for each kind", got, c.want)
			}
			for _, want := range []string{"prefers-color-scheme", "echo: latency", "JSON: latency"} {
				if !strings.Contains(picture, want) {
					t.Errorf("the picture lacks %q", want)
				}
			}
			if strings.Contains(picture, "href") || strings.Contains(picture, "@import") {
				t.Error("the picture refers to something outside")
			}
		})
	}
}

func emptyLoad() *loadResult {
	l := &loadResult{Late: newLatencies()}
	for kind := range kinds {
		l.Latency[kind] = newLatencies()
	}
	return l
}

// TestNamesDontOverlap: modes that end at the same height are still readable.
func TestNamesDontOverlap(t *testing.T) {
	var taken []float64
	for range 5 {
		taken = append(taken, freeHeight(taken, 100))
	}
	for i, y := range taken {
		for _, z := range taken[:i] {
			if y-z < labelGap && z-y < labelGap {
				t.Errorf("two names overlap: %v", taken)
			}
		}
	}
}

func TestPercentileNames(t *testing.T) {
	got := fmt.Sprint(percentileName(0), percentileName(1), percentileName(2), percentileName(3), percentileName(4))
	if want := fmt.Sprint("0 %", "90 %", "99 %", "99.9 %", "99.99 %"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWritePlot(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	link := filepath.Join(dir, "link.html")
	if err := errors.Join(os.WriteFile(page, []byte("old"), 0o644), os.Symlink("page.html", link)); err != nil {
		t.Fatal(err)
	}
	if err := writePlot(link, fixedRows(), "1 < 2"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<!DOCTYPE html>", "<svg ", "<pre>1 &lt; 2</pre>", "color-scheme:light dark"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() {
		t.Errorf("the link was replaced, not the file: %v, %v", info, err)
	}
	if err := writePlot(filepath.Join(dir, "missing", "x.svg"), fixedRows(), ""); err == nil {
		t.Error("no error for a folder that isn't there")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.svg"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writePlot(filepath.Join(dir, "folder.svg"), fixedRows(), ""); err == nil {
		t.Error("no error for a folder in the file's place")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
