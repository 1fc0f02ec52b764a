package perfetto_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/export/perfetto"
	"github.com/runq-go/runq/observe/gotrace"
)

// Example makes a trace for ui.perfetto.dev of an execution trace of Go.
func Example() {
	src, err := gotrace.Open("../../analyze/testdata/hog.trace")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	var file bytes.Buffer // os.Create("hog.perfetto-trace"), in a program
	out := perfetto.New(&file, perfetto.Options{})
	if err := errors.Join(analyze.Run(src, out), out.Err()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("there is something to look at:", file.Len() > 1000)
	// Output: there is something to look at: true
}
