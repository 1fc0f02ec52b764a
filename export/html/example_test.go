package html_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/export/html"
	"github.com/runq-go/runq/observe/gotrace"
)

// Example writes a page about an execution trace of Go.
func Example() {
	src, err := gotrace.Open("../../analyze/testdata/hog.trace")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	page := html.New(html.Options{Title: "A hog"})
	if err := analyze.Run(src, page); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer // os.Create("hog.html"), in a program
	if _, err := page.WriteTo(&file); err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Contains(file.Bytes(), []byte("long-holder: main.hog")))
	// Output: true
}
