package tracefile

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/runq-go/runq/event"
)

var update = flag.Bool("update", false, "write the tables of docs/trace-format.md anew")

const document = "../../docs/trace-format.md"

// modeTable is the table of modes: it stands beside the constants in encode.go.
var modeTable = []struct {
	mask    uint32
	field   string
	choices map[uint32]string
}{
	{modeCoarse, "Coarse", map[uint32]string{0: "no", modeCoarse: "yes"}},
	{timeMask, "Time", map[uint32]string{
		timeSame: "as the event before", time1: "how much later, in one byte of the column time", time2: "in two, the lowest first", time3: "in three",
		time4: "in four", time8: "in eight", timeBack: "how much earlier, in eight"}},
	{taskMask, "Task", map[uint32]string{
		taskNone: "none, 0", taskSame: "as the last event that had one", taskNext: "one more than that",
		taskDelta: "that, and the difference in the column task, zigzag"}},
	{seqMask, "Seq", map[uint32]string{
		seqNone: "0", seqOne: "1", seqCount: "one more than in the task's hint", seqColumn: "in the column seq"}},
	{placeMask, "P and M", map[uint32]string{
		placeSame: "as the event before", placeNone: "none, -1 and -1", placeColumn: "the place with the number in the column place, from 0 on"}},
	{argMask, "Arg", map[uint32]string{
		argZero: "0", argSame: "as the last event of the kind for which it wasn't 0",
		argDelta: "that, and the difference in the column arg, zigzag", argHint: "as in the task's hint",
		argTask: "the Task of the last event before this one that had one"}},
	{stackMask, "Stack", map[uint32]string{
		stackZero: "0", stackSame: "as the last event that had one", stackColumn: "in the column stack"}},
	{byMask, "By", map[uint32]string{
		byZero: "0", bySame: "as the last event that had one", byColumn: "in the column stack, after the Stack"}},
}

var columnTable = [numCols]string{
	colOps:   "ops: a u8 for each event, the number of its triple",
	colTime:  "time: unsigned numbers of as many bytes as the mode says, the lowest first",
	colTask:  "task: ints",
	colSeq:   "seq: uints",
	colPlace: "place: uints",
	colArg:   "arg: ints",
	colStack: "stack: uints",
}

func tableOfColumns(b *strings.Builder) {
	b.WriteString("| number | |\n|---|---|\n")
	for i, text := range columnTable {
		fmt.Fprintf(b, "| %d | %s |\n", i, text)
	}
}

func tableOfModes(b *strings.Builder) {
	b.WriteString("| field | bits | |\n|---|---|---|\n")
	for _, m := range modeTable {
		first := 0
		for m.mask>>first&1 == 0 {
			first++
		}
		var choices []string
		for v := uint32(0); v <= m.mask>>first; v++ {
			if text := m.choices[v<<first]; text != "" {
				choices = append(choices, fmt.Sprintf("%d: %s", v, text))
			}
		}
		last := first
		for m.mask>>(last+1) != 0 {
			last++
		}
		fmt.Fprintf(b, "| %s | %d to %d | %s |\n", m.field, first, last, strings.Join(choices, "; "))
	}
}

func tableOfKinds(b *strings.Builder) {
	b.WriteString("| number | name | what happened | always set | P | M | Arg | states before | state after | reasons |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for k := range event.Specs {
		s := &event.Specs[k]
		arg := ""
		if s.ArgName != "" {
			arg = fmt.Sprintf("%s: %s", s.ArgName, s.Arg)
		}
		from, to := "", ""
		if s.IsTask() {
			from, to = s.From.String(), s.To.String()
		}
		fmt.Fprintf(b, "| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", k, s.Name, s.What, fieldNames(s.Needs), s.P, s.M, arg, from, to, classNames(s.Reasons))
	}
}

func fieldNames(f event.Fields) string {
	var names []string
	for i, name := range []string{"Task, Seq", "P", "M"} {
		if f>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

var classes = []string{"none", "wait", "yield", "retake", "handoff", "end", "wake", "share", "hold"}

func classNames(c event.ReasonClass) string {
	var names []string
	for i, name := range classes {
		if c>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func tableOfReasons(b *strings.Builder) {
	b.WriteString("| number | name | class |\n|---|---|---|\n")
	for r := range event.Reason(knownReasons()) {
		fmt.Fprintf(b, "| %d | %v | %d, %s |\n", r, r, r.Class(), classNames(r.Class()))
	}
}

// TestDocument compares the tables of the document with the code.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]func(*strings.Builder){"columns": tableOfColumns, "modes": tableOfModes, "kinds": tableOfKinds, "reasons": tableOfReasons} {
		begin := "<!-- " + name + " -->\n"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ok2 := strings.Cut(rest, "<!-- end -->")
		if !ok || !ok2 {
			t.Fatalf("there is no place for the table of %s", name)
		}
		var b strings.Builder
		table(&b)
		want = before + begin + b.String() + "<!-- end -->" + after
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the tables of %s aren't those of the code: run this test with -update", document)
	}
	if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDocumentLimits: the numbers in the text are those of the code, and the fields of a
// mode don't overlap.
func TestDocumentLimits(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("`%s%04d`", magic, Version),
		fmt.Sprintf("the %d bytes", magicSize),
		fmt.Sprintf("at most %d |", MaxBlock),
		fmt.Sprintf("at most %d bytes, a stack at most %d frames", MaxString, MaxFrames),
		fmt.Sprintf("triples, at most %d;", maxOps),
		fmt.Sprintf("one of %d pairs", hints),
		fmt.Sprintf("%d header, %d symbols, %d events, %d end", sortHeader, sortSymbols, sortEvents, sortEnd),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the document doesn't say %q", want)
		}
	}
	all := uint32(0)
	for _, m := range modeTable {
		if all&m.mask != 0 {
			t.Errorf("the bits of %s are used twice", m.field)
		}
		all |= m.mask
	}
}
