package model

import (
	"fmt"
	"path"
	"runtime"
	"strings"
	"unicode/utf8"
)

// Row is an operation in a recorded execution.
type Row struct {
	thread int
	op     Op
	loc    int32 // -1: none
	where  string
	Text   string // what the operation did
}

// Values notes what the operation found and left.
func (r *Row) Values(before, after any) {
	b, a := short(before), short(after)
	if b == a {
		r.Text = b
		return
	}
	r.Text = b + "→" + a
}

// short writes a value in a few characters.
func short(v any) string {
	text := fmt.Sprint(v)
	const most = 24 // more would make columns too wide; addresses fit
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most-1]) + "…"
	}
	return text
}

// recording is the history of an execution.
type recording struct {
	text  string // what there is to be shown, when it is over
	rows  []Row
	names map[int32]string
	kinds map[string]int
}

func newRecording() *recording {
	return &recording{names: make(map[int32]string), kinds: make(map[string]int)}
}

// named gives a location a name by its kind.
func (r *recording) named(id int32, of any) {
	kind, ok := of.(string)
	if !ok { // *atomic.Pointer[runq.Task]
		kind, _, _ = strings.Cut(fmt.Sprintf("%T", of), "[")
		kind = kind[strings.LastIndexByte(kind, '.')+1:]
	}
	r.kinds[kind]++
	r.names[id] = fmt.Sprintf("%s#%d", kind, r.kinds[kind])
}

func (r *recording) add(x *Execution, t *thread, op Op, l *Loc) *Row {
	row := Row{thread: t.id, op: op, loc: -1}
	if l != nil {
		row.loc = l.id
	}
	if op != OpStart && op != OpEnd {
		row.where = callSite()
	}
	r.rows = append(r.rows, row)
	return &r.rows[len(r.rows)-1]
}

// callSite returns where the code under test has called the operation.
func callSite() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "internal/model.") && !strings.Contains(f.Function, "internal/sx.") {
			return fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// nameOf returns the name of a location.
func (x *Execution) nameOf(id int32) string {
	if x.rec != nil {
		return x.rec.names[id]
	}
	return fmt.Sprintf("location %d", id)
}

// Name gives an object of package sx a name in the table, for as long as the
// execution lasts. Without one, or for something that isn't shared, it does nothing.
func Name(object any, name string) {
	x := Current()
	o, ok := object.(interface{ Location() *Loc })
	if x == nil || !ok {
		return
	}
	l := o.Location()
	if l.run != x.run {
		x.number(l, name)
	}
	if x.rec != nil {
		x.rec.names[l.id] = name
	}
}

// table shows the recording with a column for each thread.
func (x *Execution) table(most int) string {
	rows := x.rec.rows
	var b strings.Builder
	widths := make([]int, len(x.threads))
	for i, t := range x.threads {
		widths[i] = utf8.RuneCountInString(t.name)
	}
	first := max(len(rows)-most, 0)
	cells := make([]string, len(rows))
	for i, r := range rows[first:] {
		cell := r.op.String()
		if r.loc >= 0 {
			cell = x.nameOf(r.loc) + "." + cell
		}
		if r.Text != "" {
			cell += " " + r.Text
		}
		if r.where != "" {
			cell += "  " + r.where
		}
		cells[first+i] = cell
		widths[r.thread] = max(widths[r.thread], utf8.RuneCountInString(cell))
	}
	head := " step"
	for i, t := range x.threads {
		head += fmt.Sprintf("  %-*s", widths[i], t.name)
	}
	b.WriteString(strings.TrimRight(head, " "))
	if first > 0 {
		fmt.Fprintf(&b, "\n    …  the first %d steps are left out: repeat the schedule to see them", first)
	}
	for i := first; i < len(rows); i++ {
		line := fmt.Sprintf("%5d", i+1)
		for id := range x.threads {
			cell := "·"
			if rows[i].thread == id {
				cell = cells[i]
			}
			line += fmt.Sprintf("  %-*s", widths[id], cell)
		}
		b.WriteString("\n" + strings.TrimRight(line, " "))
	}
	return b.String()
}
