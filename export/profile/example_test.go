package profile_test

import (
	"fmt"
	"log"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/export/profile"
	"github.com/runq-go/runq/observe/gotrace"
)

// Example says who made ready tasks wait for longest by waking them. A program would
// write the profile to a file, for "go tool pprof".
func Example() {
	src, err := gotrace.Open("../../analyze/testdata/hog.trace")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	waits := profile.New(profile.Options{})
	if err := analyze.Run(src, waits); err != nil {
		log.Fatal(err)
	}
	worst := waits.LateByWaker().Sample[0]
	fmt.Println(worst.Location[0].Line[0].Function.Name, worst.Label["reason"])
	// Output: main.hogs [new]
}
