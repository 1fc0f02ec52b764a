package jsonout

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

var update = flag.Bool("update", false, "write the tables of docs/json.md anew")

const docs = "../../docs/json.md"

// TestDocs: the tables of the documentation are those of the types.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, table := range map[string]string{
		"report": tables(t, reflect.TypeFor[document]()),
		"events": tables(t, reflect.TypeFor[recordingLine](), reflect.TypeFor[stackLine](), reflect.TypeFor[eventLine](), reflect.TypeFor[endLine]()),
		"kinds":  kinds(),
	} {
		begin, end := "<!-- made of the code: "+name+" -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		old, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no place for %s", docs, name)
		}
		if old != table && !*update {
			t.Errorf("%s: the part %q isn't what the code says; run go test ./export/jsonout -update", docs, name)
		}
		text = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(docs, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// titles are what the documentation calls the types.
var titles = map[string]string{
	"document": "The report", "ledgerReport": "ledger", "verdictReport": "verdict", "callsReport": "calls", "chainsReport": "wakechain",
	"diffReport": "diff", "sum": "sum", "taskGroup": "group", "reason": "reason", "story": "story", "holder": "holder", "parts": "parts",
	"percentiles": "percentiles", "finding": "finding", "call": "call", "path": "path", "pathStep": "step", "wake": "wake", "change": "change",
	"recordingLine": "The first line", "stackLine": "A stack", "frameJSON": "frame", "eventLine": "An event", "endLine": "The last line",
}

// tables writes a table for each type, and for each one that those have members of.
func tables(t *testing.T, types ...reflect.Type) string {
	var b strings.Builder
	seen := make(map[reflect.Type]bool)
	for len(types) != 0 {
		of := types[0]
		types = types[1:]
		if seen[of] {
			continue
		}
		seen[of] = true
		title, ok := titles[of.Name()]
		if !ok {
			t.Errorf("%v has no title", of)
		}
		fmt.Fprintf(&b, "\n### %s\n\n| member | type | meaning |\n|---|---|---|\n", title)
		types = append(types, members(t, &b, of)...)
	}
	return b.String() + "\n"
}

func members(t *testing.T, b *strings.Builder, of reflect.Type) (more []reflect.Type) {
	for i := range of.NumField() {
		f := of.Field(i)
		if f.Anonymous {
			fmt.Fprintf(b, "| … | | all members of [%[1]s](#%[1]s) |\n", titles[f.Type.Name()])
			more = append(more, f.Type)
			continue
		}
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		doc := f.Tag.Get("doc")
		if name == "" || doc == "" {
			t.Errorf("%v.%s isn't documented", of, f.Name)
		}
		typ, inner := typeName(f.Type)
		if inner != nil {
			more = append(more, inner)
		}
		if opts != "" {
			typ = strings.TrimSuffix(typ, " or null") + ", optional"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, typ, doc)
	}
	return more
}

// typeName says what a type is in JSON; inner is the type that has a table of its own.
func typeName(t reflect.Type) (name string, inner reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		name, inner = typeName(t.Elem())
		if inner == nil {
			name += " or null"
		}
		return name, inner
	case reflect.Slice:
		name, inner = typeName(t.Elem())
		return "list of " + name, inner
	case reflect.Array:
		name, inner = typeName(t.Elem())
		return fmt.Sprintf("%d × %s", t.Len(), name), inner
	case reflect.Struct:
		return fmt.Sprintf("[%[1]s](#%[1]s)", titles[t.Name()]), t
	case reflect.String:
		return "string", nil
	case reflect.Bool:
		return "bool", nil
	}
	return "number", nil
}

// kinds writes a table of the kinds of events.
func kinds() string {
	var b strings.Builder
	b.WriteString("\n| kind | what happened | p | m | argument |\n|---|---|---|---|---|\n")
	for k := event.KindNone + 1; k.Spec() != event.KindNone.Spec(); k++ {
		s := k.Spec()
		arg := ""
		switch s.ArgName {
		case "":
		case "victim<<32|count":
			arg = "`victim`, `count`: the P that was robbed, and of how many tasks"
		case "why", "name":
			arg = "`" + s.ArgName + "`: " + strings.TrimSuffix(s.Arg, ": a StringID")
		default:
			arg = "`" + s.ArgName + "`: " + s.Arg
		}
		fmt.Fprintf(&b, "| `%v` | %s | %s | %s | %s |\n", k, s.What, s.P, s.M, arg)
	}
	return b.String() + "\n"
}

// TestParts: each part has a member, with its own name.
func TestParts(t *testing.T) {
	of := reflect.TypeFor[parts]()
	if of.NumField() != int(analyze.NumParts) {
		t.Fatalf("there are %d members, and %d parts", of.NumField(), analyze.NumParts)
	}
	var p analyze.Parts
	for i := range p {
		p[i] = 1 << i
	}
	text, err := json.Marshal(ofParts(&p))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]int64
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for i := range analyze.NumParts {
		if name := partName(i) + "_ns"; got[name] != p[i] {
			t.Errorf("%s is %d, not %d", name, got[name], p[i])
		}
	}
}

// TestArguments: the argument of each kind of event is written as what it means.
func TestArguments(t *testing.T) {
	for k := event.KindNone + 1; k.Spec() != event.KindNone.Spec(); k++ {
		name := k.Spec().ArgName
		if name == "" {
			continue
		}
		symbols := new(event.Symbols)
		symbols.Intern("text")
		w := &analyze.World{Symbols: symbols}
		x := new(Events)
		x.argument(w, &event.Event{Kind: k, Arg: 1})
		line, err := json.Marshal(x.line)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if _, ok := got[name]; !ok && got["victim"] == nil {
			t.Errorf("%v has an argument %s, which isn't written: %s", k, name, line)
		}
	}
}
