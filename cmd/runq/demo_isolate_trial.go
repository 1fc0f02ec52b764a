package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/runq-go/runq/internal/cgroup"
)

// A trial is one measurement of one mode: a server and a load, both new.
type trial struct {
	Server   serverResult
	Load     *loadResult
	Throttle cgroup.Throttled // of the server's control group, with --quota
	Others   float64          // how many CPUs others kept busy meanwhile
}

// runTrial measures a mode once. say is told what is going on.
func (o *isolateOptions) runTrial(ctx context.Context, mode isolateMode, files string, say func(string)) (t trial, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	say("starting")
	args := []string{"isolate-serve", "--mode", mode.letter, "--workers", strconv.Itoa(o.workers), "--files", files}
	var group *cgroup.Child
	if o.quota > 0 {
		if group, err = newQuotaGroup(o.quota); err != nil {
			return t, err
		}
		defer func() { err = errors.Join(err, group.Remove()) }()
		args = append(args, "--group", group.Dir())
	}
	server, err := startChild(ctx, "the server", args...)
	if err != nil {
		return t, err
	}
	children := []*child{server}
	defer func() {
		if err != nil {
			cancel()
		}
		err = blame(err, children)
	}()
	var ready serverReady
	if err := server.hear(&ready); err != nil {
		return t, err
	}
	load, err := startChild(ctx, "the load", "isolate-load",
		"--echo", ready.Addr[kindEcho], "--echo-rate", strconv.Itoa(o.rate[kindEcho]),
		"--json", ready.Addr[kindJSON], "--json-rate", strconv.Itoa(o.rate[kindJSON]),
		"--warmup", o.warmup.String(), "--duration", o.duration.String())
	if err != nil {
		return t, err
	}
	children = append(children, load)
	if mode.letter == controlMode {
		args := []string{"isolate-spin", "--workers", strconv.Itoa(o.workers)}
		if o.quota > 0 {
			args = append(args, "--cpus", fmt.Sprint(o.quota*controlPart))
		}
		spin, err := startChild(ctx, "the loops", args...)
		if err != nil {
			return t, err
		}
		children = append(children, spin)
		if err := spin.hear(new(bool)); err != nil {
			return t, err
		}
		defer spin.say(orderStop)
	}
	return o.converse(children, group, say)
}

// converse leads the server and the load, the first two of the children, through the measurement.
func (o *isolateOptions) converse(children []*child, group *cgroup.Child, say func(string)) (t trial, err error) {
	server, load := children[0], children[1]
	expect := func(phase string) error {
		var r loadReport
		if err := load.hear(&r); err != nil {
			return err
		}
		if r.Phase != phase {
			return fmt.Errorf("BUG: the load says %q, want %q", r.Phase, phase)
		}
		t.Load = r.Result
		return nil
	}
	if err := expect(phaseConnected); err != nil {
		return t, err
	}
	say("warming up")
	server.say(orderWork)
	load.say(orderGo)
	if err := expect(phaseMeasuring); err != nil {
		return t, err
	}
	say("measuring")
	before, err := look(group, children...)
	if err != nil {
		return t, err
	}
	server.say(orderMeasure)
	if err := expect(phaseMeasured); err != nil {
		return t, err
	}
	after, err := look(group, children...)
	if err != nil {
		return t, err
	}
	t.Throttle = after.throttled.Since(before.throttled)
	t.Others = max(0, (after.others-before.others).Seconds()/after.at.Sub(before.at).Seconds()) // ticks are coarse
	server.say(orderMeasured)
	if err := expect(phaseResult); err != nil {
		return t, err
	}
	server.say(orderStop)
	return t, server.hear(&t.Server)
}

// A moment is what this process sees of the measurement from outside.
type moment struct {
	at        time.Time
	throttled cgroup.Throttled
	others    time.Duration // of CPU time
}

func look(group *cgroup.Child, children ...*child) (m moment, err error) {
	m.at = time.Now()
	if m.throttled, err = readThrottled(group); err != nil {
		return m, err
	}
	m.others, err = readCPUTime(children...)
	return m, err
}

// blame waits for the children and returns what has gone wrong, by whom; err is what was noticed first. What is
// interrupted because of that has nothing to say.
func blame(err error, children []*child) error {
	var all []error
	stopped := false
	for _, c := range children {
		switch e := c.wait(); {
		case errors.Is(e, context.Canceled):
			stopped = true
		case e != nil:
			all = append(all, e)
		}
	}
	switch {
	case len(all) > 0:
		return errors.Join(all...)
	case err != nil:
		return err
	case stopped:
		return context.Canceled
	}
	return nil
}
