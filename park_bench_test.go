package runq

import "testing"

// BenchmarkPingPong is one hand-over and one back between two tasks on one P, and
// between two goroutines over unbuffered channels.
func BenchmarkPingPong(b *testing.B) {
	b.Run("impl=runq", func(b *testing.B) {
		s := openScheduler(b, Config{Procs: 1})
		b.ReportAllocs()
		s.Run(nil, func(tk *Task) error {
			var ping, pong permit
			n := b.N
			tk.Go(func(tk *Task) {
				for range n {
					ping.take(tk)
					pong.give(tk.m)
				}
			})
			tk.Yield()
			b.ResetTimer()
			for range n {
				ping.give(tk.m)
				pong.take(tk)
			}
			b.StopTimer()
			return nil
		})
	})
	b.Run("impl=chan", func(b *testing.B) {
		ping, pong := make(chan struct{}), make(chan struct{})
		b.ReportAllocs()
		n := b.N
		go func() {
			for range n {
				<-ping
				pong <- struct{}{}
			}
		}()
		b.ResetTimer()
		for range n {
			ping <- struct{}{}
			<-pong
		}
	})
}
