package jsonout

import (
	"strings"

	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/analyze/ledger"
	"github.com/runq-go/runq/event"
)

// parts is how a time is divided.
type parts struct {
	Event      int64 `json:"event_ns" doc:"waiting for the event"`
	InCall     int64 `json:"in_call_ns" doc:"in a blocking call"`
	Behind     int64 `json:"behind_ns" doc:"ready, behind other tasks on its P"`
	BehindCall int64 `json:"behind_call_ns" doc:"ready, behind a task in a blocking call that kept the P"`
	Assist     int64 `json:"gc_assist_ns" doc:"ready, behind a task that had to help the garbage collector"`
	Stop       int64 `json:"stop_ns" doc:"ready, and the world was stopped or asked to stop"`
	NoP        int64 `json:"no_p_ns" doc:"ready, in no P's queue, and no P was free"`
	Switch     int64 `json:"switch_ns" doc:"ready, and its P was between two tasks"`
	FreeP      int64 `json:"free_p_ns" doc:"ready, a P was free, and no thread had come yet"`
	Unknown    int64 `json:"unknown_ns" doc:"ready, and it isn't known what its P did"`
}

func ofParts(p *analyze.Parts) parts {
	return parts{
		Event: p[analyze.PartEvent], InCall: p[analyze.PartInCall], Behind: p[analyze.PartBehind], BehindCall: p[analyze.PartCall],
		Assist: p[analyze.PartAssist], Stop: p[analyze.PartStop], NoP: p[analyze.PartNoP], Switch: p[analyze.PartSwitch],
		FreeP: p[analyze.PartFree], Unknown: p[analyze.PartUnknown],
	}
}

// partName is what a part is called, without its unit.
func partName(p analyze.Part) string { return strings.ReplaceAll(p.String(), "-", "_") }

// percentiles describe how times are distributed.
type percentiles struct {
	P50  int64 `json:"p50_ns" doc:"half of them are at most this long"`
	P90  int64 `json:"p90_ns" doc:"90 % are"`
	P99  int64 `json:"p99_ns" doc:"99 % are"`
	P999 int64 `json:"p999_ns" doc:"99.9 % are"`
	Max  int64 `json:"max_ns" doc:"the longest; percentiles are up to 3 % too large, this one is exact"`
}

func ofPercentiles(p *ledger.Percentiles) percentiles {
	return percentiles{P50: p.P50, P90: p.P90, P99: p.P99, P999: p.P999, Max: p.Max}
}

// procID returns the number of a P, nil if there is none.
func procID(id event.PID) *int32 {
	if id == event.NoP {
		return nil
	}
	n := int32(id)
	return &n
}
