//go:build model

package queue

import (
	"fmt"
	"testing"

	"github.com/runq-go/runq/internal/model"
)

// TestModelNext: the owner puts into the next slot, over what may be there, and takes;
// two thieves steal what they have seen there. 69,000 schedules with up to five
// preemptions, less than a second.
func TestModelNext(t *testing.T) {
	stolen, displaced, taken := 0, 0, 0
	r := model.Check(t, model.Config{Preemptions: 5}, func(x *model.Execution) {
		var n Next[item]
		model.Name(&n.p, "next")
		l := newLedger(x)
		for i := range 2 {
			name := fmt.Sprint("thief ", i)
			x.Go(name, func() {
				for range 2 {
					if g := n.Peek(); g != nil && n.Steal(g) {
						stolen++
						l.got(name, *g)
					}
				}
			})
		}
		x.Go("owner", func() {
			for i := range 3 {
				if old := putNext(&n, l.fresh()); old != nil {
					displaced++
					l.got("owner, displaced", *old)
				}
				if i == 1 {
					if g := n.Take(); g != nil {
						taken++
						l.got("owner", *g)
					}
				}
			}
		})
		x.Join()
		if g := n.Take(); g != nil {
			l.got("end", *g)
		}
		l.settle(nil)
	})
	wantSeen(t, r, map[string]int{"stolen": stolen, "displaced": displaced, "taken": taken})
}
