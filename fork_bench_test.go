package runq

import "testing"

func forkFib(t *Task, n int) int {
	if n < 2 {
		return n
	}
	x := Fork(t, forkFib, n-1)
	y := forkFib(t, n-2)
	return x.Join(t) + y
}

func plainFib(n int) int {
	if n < 2 {
		return n
	}
	return plainFib(n-1) + plainFib(n-2)
}

// BenchmarkFib is fib(30), a fork for each call, beside the plain recursion.
func BenchmarkFib(b *testing.B) {
	b.Run("impl=serial", func(b *testing.B) {
		for b.Loop() {
			plainFib(30)
		}
	})
	for _, procs := range []int{1, 2} {
		b.Run("impl=runq/procs="+string(rune('0'+procs)), func(b *testing.B) {
			s := openScheduler(b, Config{Procs: procs})
			b.ReportAllocs()
			runIn(b, s, func(t *Task) {
				for b.Loop() {
					forkFib(t, 30)
				}
			})
			st := s.Stats()
			b.ReportMetric(float64(st.ForksPromoted)/float64(b.N), "promoted/op")
			b.ReportMetric(float64(st.ForksTakenBack)/float64(b.N), "back/op")
		})
	}
}
