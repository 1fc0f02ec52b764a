package runq_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/runq-go/runq"
)

// The last seconds are at hand when something has gone wrong.
func ExampleScheduler_FlightRecorder() {
	s, _ := runq.New(runq.Config{Trace: true})
	defer s.Close()
	flight, _ := s.FlightRecorder(runq.FlightRecorderConfig{
		Last: 10 * time.Second,
		Late: 100 * time.Millisecond,
		OnLate: func(f *runq.FlightRecorder, w runq.LateWait) {
			// A task has waited for its turn for longer than that: write the
			// recording into a file.
		},
	})
	defer flight.Stop()

	s.Run(context.Background(), func(t *runq.Task) error {
		t.Yield()
		return nil
	})
	var file bytes.Buffer
	flight.WriteTo(&file) // read it with runq report, or package observe/runqtrace
	fmt.Printf("%.10s\n", file.String())
	// Output: runq trace
}

// A recording of all that happens, from now on.
func ExampleScheduler_Record() {
	s, _ := runq.New(runq.Config{Trace: true})
	defer s.Close()
	var file bytes.Buffer
	rec, _ := s.Record(&file)
	s.Run(context.Background(), func(t *runq.Task) error {
		t.Yield()
		return nil
	})
	fmt.Println(rec.Stop())
	// Output: <nil>
}
