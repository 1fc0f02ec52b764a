package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBar(t *testing.T) {
	full, empty := strings.Repeat("=", barWidth), strings.Repeat(" ", barWidth)
	for _, c := range []struct {
		fraction float64
		label    string
		width    int
		want     string
	}{
		{0, "a", 80, "[" + empty + "] a"},
		{0.5, "a", 80, "[" + full[:barWidth/2] + empty[barWidth/2:] + "] a"},
		{1, "a", 80, "[" + full + "] a"},
		{2, "a", 80, "[" + full + "] a"},
		{-1, "a", 80, "[" + empty + "] a"},
		{1, "ééé", barWidth + 6, "[" + full + "] éé"},
		{1, "a", 5, "[==="},
		{1, "a", 1, ""},
		{1, "a", 0, ""},
	} {
		got := bar(c.fraction, c.label, c.width)
		if got != c.want {
			t.Errorf("bar(%v, %q, %d) = %q, want %q", c.fraction, c.label, c.width, got, c.want)
		}
		if !utf8.ValidString(got) {
			t.Errorf("bar(%v, %q, %d) = %q: a character is cut", c.fraction, c.label, c.width, got)
		}
	}
}

func TestDraw(t *testing.T) {
	fractions := []float64{0, 0.5, 0.25} // going back is not to be seen
	done := make(chan struct{})
	var out bytes.Buffer
	calls := 0
	draw(&out, func() int { return 80 }, func() (float64, string) {
		f := fractions[calls]
		calls++
		if calls == len(fractions) {
			close(done)
		}
		return f, "label"
	}, done)
	want := ""
	for _, f := range []float64{0, 0.5, 0.5} {
		want += eraseLine + bar(f, "label", 80)
	}
	want += eraseLine
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}

func TestNoTerminalNoBar(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var buf bytes.Buffer
	never := func() (float64, string) { t.Error("the view is asked"); return 0, "" }
	startProgress(f, never)()
	startProgress(&buf, never)()
	if info, err := f.Stat(); err != nil || info.Size() != 0 || buf.Len() != 0 {
		t.Errorf("something was written: %v, %v, %q", info.Size(), err, buf.String())
	}
}
