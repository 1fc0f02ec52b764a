package jsonout_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/verdict"
	"github.com/runq-go/runq/event"
	"github.com/runq-go/runq/export/jsonout"
	"github.com/runq-go/runq/observe/gotrace"
)

// ExampleWriteReport writes what is wrong in a recording.
func ExampleWriteReport() {
	src, err := gotrace.Open("../../analyze/testdata/hog.trace")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	ver := verdict.New()
	if err := analyze.Run(src, ver); err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer // os.Stdout, in a program
	if err := jsonout.WriteReport(&out, ver.Report()); err != nil {
		log.Fatal(err)
	}
	for range 9 {
		line, err := out.ReadString('\n')
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(line)
	}
	// Output:
	// {
	//   "format": "runq-report",
	//   "version": 1,
	//   "verdict": {
	//     "length_ns": 409759296,
	//     "findings": [
	//       {
	//         "kind": "long-holder",
	//         "culprit": "main.hog",
}

// ExampleNewEvents writes events, one a line.
func ExampleNewEvents() {
	src := event.NewList(event.Info{Name: "two events", Sort: "text"}, nil, []event.Event{
		{Time: 100, Kind: event.KindProcSeen, P: 0, M: 1},
		{Time: 250, Kind: event.KindTaskSeenRunning, Task: 7, Seq: 1, P: 0, M: 1},
	})
	out := jsonout.NewEvents(os.Stdout)
	if err := errors.Join(analyze.Run(src, out), out.Err()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"type":"recording","format":"runq-events","version":1,"source":"two events","sort":"text","blind":[]}
	// {"type":"event","t":0,"kind":"ProcSeen","p":0,"m":1}
	// {"type":"event","t":150,"kind":"TaskSeenRunning","task":7,"seq":1,"p":0,"m":1}
	// {"type":"end","events":2,"length_ns":150,"losses":0}
}
