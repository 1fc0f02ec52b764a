package main

import (
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/term"
)

// isTerminal tells whether people see what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// coloured tells whether what is written to w may have colours: on a terminal that knows them, unless the user
// has set NO_COLOR (https://no-color.org).
func coloured(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// What SGR codes do; terminals choose the colours that go with their background.
const (
	styleTitle = "\x1b[1m"  // bold
	styleBad   = "\x1b[31m" // red
	styleReset = "\x1b[0m"
)

var (
	// title is a line that heads others: it isn't indented and ends with a colon.
	title = regexp.MustCompile(`^\S.*:$`)
	// finding is the first line of a verdict: a number and the sort of finding.
	finding = regexp.MustCompile(`^(\d+\. [a-z-]+):`)
)

// paint adds colours to a report. They follow from how its lines look, so that with and without them it is the
// same text.
func paint(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		switch {
		case title.MatchString(bare):
			b.WriteString(styleTitle + bare + styleReset + "\n")
		case finding.MatchString(line):
			b.WriteString(finding.ReplaceAllString(line, styleBad+"$1"+styleReset+":"))
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// writeText writes a report, with colours where they may be.
func writeText(w io.Writer, text string) error {
	if coloured(w) {
		text = paint(text)
	}
	_, err := io.WriteString(w, text)
	return err
}
