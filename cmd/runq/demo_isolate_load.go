package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

const (
	// echoConns and jsonConns are connections enough that a request seldom waits for the one before it on the
	// same connection: at the default rates each has one in some 30 or 80 ms.
	echoConns, jsonConns = 32, 16

	// drainLimit is how long answers are waited for after the last request. A server that still answers does
	// it sooner; what is missing then counts as if it came then, and is reported.
	drainLimit = 10 * time.Second

	// longestNap is how late the load may notice that it is to end.
	longestNap = 50 * time.Millisecond

	// loadMemory is what the generator's garbage may take before it is collected: more than it makes in a
	// minute at the default rates, so that no collection delays a request.
	loadMemory = 256 << 20
)

// A loadReport is what the load says, in this order: connected, measuring (what is due from now on counts),
// measured (what is due from now on doesn't), and result.
type loadReport struct {
	Phase  string
	Result *loadResult `json:",omitempty"` // with the last one
}

// A loadResult is what the load has measured.
type loadResult struct {
	Latency    [kinds]latencies // from when a request was due to its answer
	Late       latencies        // from when it was due to when it was sent, if nothing else was under way on its connection
	Unanswered int
}

const (
	phaseConnected = "connected"
	phaseMeasuring = "measuring"
	phaseMeasured  = "measured"
	phaseResult    = "result"
)

type loadOptions struct {
	addr             [kinds]string
	rate             [kinds]int // a second
	warmup, duration time.Duration
}

// newLoadCommand is the process that sends requests.
func newLoadCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "isolate-load", Short: "The load of the demo isolate", Hidden: true, Args: cobra.NoArgs}
	var o loadOptions
	for kind, name := range []string{"echo", "json"} {
		cmd.Flags().StringVar(&o.addr[kind], name, "", "address of the server")
		cmd.Flags().IntVar(&o.rate[kind], name+"-rate", 0, "requests a second")
	}
	cmd.Flags().DurationVar(&o.warmup, "warmup", 0, "how long not to measure")
	cmd.Flags().DurationVar(&o.duration, "duration", 0, "how long to measure then")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(loadMemory)
		return runLoad(cmd.Context(), o, cmd.InOrStdin(), cmd.OutOrStdout())
	}
	return cmd
}

// A load is a running generator.
type load struct {
	orders  *orders
	clock   loadClock
	conns   [kinds][]*loadConn
	latency [kinds]*recorder
	late    *recorder
	closing atomic.Bool
	readers sync.WaitGroup
	pending sync.WaitGroup // requests without an answer
}

func runLoad(ctx context.Context, o loadOptions, in io.Reader, out io.Writer) error {
	end := o.warmup + o.duration
	l := &load{orders: readOrders(in), late: newRecorder(o.warmup, end)}
	defer l.close()
	for kind, n := range [kinds]int{echoConns, jsonConns} {
		l.latency[kind] = newRecorder(o.warmup, end)
		for range n {
			c, err := dialLoad(ctx, kind, o.addr[kind])
			if err != nil {
				return fmt.Errorf("connecting to the %s server: %w", kindNames[kind], err)
			}
			l.conns[kind] = append(l.conns[kind], c)
		}
	}
	report := json.NewEncoder(out)
	if err := report.Encode(loadReport{Phase: phaseConnected}); err != nil {
		return err
	}
	if err := l.orders.await(ctx, orderGo); err != nil {
		return err
	}
	s := newSchedule(
		&stream{kind: kindEcho, rate: o.rate[kindEcho], conns: echoConns},
		&stream{kind: kindJSON, rate: o.rate[kindJSON], conns: jsonConns})
	paced := l.begin(s, end)
	for _, phase := range []struct {
		length time.Duration
		then   string
	}{{o.warmup, phaseMeasuring}, {o.duration, phaseMeasured}} {
		if err := l.orders.pause(ctx, phase.length); err != nil {
			return err
		}
		if err := report.Encode(loadReport{Phase: phase.then}); err != nil {
			return err
		}
	}
	if err := l.orders.wait(ctx, paced); err != nil {
		return err
	}
	unanswered, err := l.drain(ctx)
	if err != nil {
		return err
	}
	r := &loadResult{Late: l.late.all, Unanswered: unanswered}
	for kind := range kinds {
		r.Latency[kind] = l.latency[kind].all
	}
	return report.Encode(loadReport{Phase: phaseResult, Result: r})
}

// begin starts the clock, the receivers and the sender. The channel is closed after the last request.
func (l *load) begin(s *schedule, end time.Duration) (paced <-chan struct{}) {
	l.clock = realClock{start: time.Now()}
	for kind := range kinds {
		for _, c := range l.conns[kind] {
			l.readers.Go(func() { l.receive(c) })
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: exactSleep changes the thread
		exactSleep()
		pace(l.clock, s, end, l.closing.Load, l.due)
	}()
	return done
}

// due sends a request that is due, if its connection is free.
func (l *load) due(s send) {
	c := l.conns[s.kind][s.conn]
	l.pending.Add(1)
	if !c.due(s.at) {
		return
	}
	l.late.add(s.at, l.clock.now())
	if err := c.send(); err != nil {
		l.fail(c, err)
	}
}

// receive takes the answers of a connection until it is closed.
func (l *load) receive(c *loadConn) {
	for {
		err := c.receive()
		now := l.clock.now()
		if err != nil {
			l.fail(c, err)
			return
		}
		due, sendNow := c.answered()
		if sendNow {
			if err := c.send(); err != nil {
				l.fail(c, err)
				return
			}
		}
		l.latency[c.kind].add(due, now)
		l.pending.Done()
	}
}

// fail ends the load with an error, unless it is the load's end that made it.
func (l *load) fail(c *loadConn, err error) {
	if !l.closing.Load() {
		l.orders.fail(fmt.Errorf("a connection to the %s server: %w", kindNames[c.kind], err))
	}
}

// drain waits for the answers that are missing, within limits, and returns how many don't come.
func (l *load) drain(ctx context.Context) (unanswered int, err error) {
	all := make(chan struct{})
	go func() { l.pending.Wait(); close(all) }()
	ctx, cancel := context.WithTimeoutCause(ctx, drainLimit, errDrained)
	defer cancel()
	if err := l.orders.wait(ctx, all); err != nil && context.Cause(ctx) != errDrained {
		return 0, err
	}
	l.close()
	now := l.clock.now()
	for kind := range kinds {
		for _, c := range l.conns[kind] {
			for _, due := range c.unanswered() {
				if l.latency[kind].add(due, now) {
					unanswered++
				}
			}
		}
	}
	return unanswered, nil
}

// errDrained is the end of the time for missing answers.
var errDrained = fmt.Errorf("no answer within %v after the last request", drainLimit)

// close closes the connections and waits for who receives from them.
func (l *load) close() {
	l.closing.Store(true)
	for _, conns := range l.conns {
		for _, c := range conns {
			c.Close()
		}
	}
	l.readers.Wait()
}

// realClock is the loadClock of real loads.
type realClock struct{ start time.Time }

func (c realClock) now() time.Duration { return time.Since(c.start) }

func (c realClock) sleepUntil(at time.Duration) { nap(min(at-c.now(), longestNap)) }

// checkRate says whether a rate is one that the generator can be asked for.
func checkRate(flag string, rate int) error {
	// Beyond that the two kinds of requests would be the load of whole CPUs, and nothing would be idle.
	const most = 100_000
	if rate < 1 || rate > most {
		return fmt.Errorf("--%s %d: must be 1 to %d requests a second", flag, rate, most)
	}
	return nil
}
