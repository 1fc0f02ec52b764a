package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	// drawEvery is as often as a bar seems to move by itself, and no burden.
	drawEvery = 100 * time.Millisecond
	// barWidth is the part of a line for the bar: half of the narrowest usual terminal, the rest is for words.
	barWidth = 40
	// eraseLine puts the cursor at the begin of the line and erases it.
	eraseLine = "\r\x1b[K"
)

// A view says how far something is, between 0 and 1, and in words. It is called from another goroutine.
type view func() (fraction float64, label string)

// startProgress draws a progress bar until stop is called, if out is a terminal. stop returns when the bar
// is erased and the terminal is as before; call it once.
func startProgress(out io.Writer, v view) (stop func()) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	width := func() int {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
		return 80 // what a terminal has that doesn't tell
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		draw(f, width, v, done)
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// draw redraws the bar until done is closed, then erases it. The bar never goes back, though a view may:
// while a tree is walked, there is more and more to do.
func draw(w io.Writer, width func() int, v view, done <-chan struct{}) {
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for most := 0.0; ; {
		fraction, label := v()
		most = max(most, fraction)
		fmt.Fprint(w, eraseLine, bar(most, label, width()))
		select {
		case <-tick.C:
		case <-done:
			fmt.Fprint(w, eraseLine)
			return
		}
	}
}

// bar is one line, less than width wide: with the last column filled, some terminals begin a new line.
func bar(fraction float64, label string, width int) string {
	full := int(max(0, min(fraction, 1)) * barWidth)
	line := "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "] " + label
	for utf8.RuneCountInString(line) >= max(width, 1) && line != "" {
		_, n := utf8.DecodeLastRuneInString(line)
		line = line[:len(line)-n]
	}
	return line
}
