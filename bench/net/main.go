//go:build linux

// Command net compares servers on runq's network connections with those of package
// net. Server and load are processes of their own. It writes the rows in Go's benchmark
// format:
//
//	Echo1000   an echo of 64 bytes over 1,000 connections that are all busy
//	Idle20K    memory of 20,000 connections that are all idle
//	HTTP       a small answer of examples/httpd, to wrk, plain and by TLS
//
// The rows of one workload are measured in turn, several times, so that a busy moment
// of the machine falls on all of them.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	var c config
	flag.IntVar(&c.conns, "conns", 1000, "busy connections")
	flag.IntVar(&c.idle, "idle", 20_000, "idle connections; more than some 25000 need more ports than there are")
	flag.DurationVar(&c.time, "d", time.Second, "how long a row is measured at a time")
	flag.IntVar(&c.rounds, "rounds", 5, "how often every row is measured")
	flag.StringVar(&c.httpd, "httpd", "", "examples/httpd, built; without it there are no HTTP rows")
	quick := flag.Bool("quick", false, "once, briefly, with few connections: to see that it works")
	serve := flag.String("serve", "", "be a server of this kind (what child processes do)")
	load := flag.String("load", "", "be a client of the server at this address (what child processes do)")
	flag.Parse()
	if *quick {
		c.conns, c.idle, c.time, c.rounds = 50, 500, 100*time.Millisecond, 1
	}

	var err error
	switch {
	case *serve != "":
		err = beServer(*serve)
	case *load != "":
		err = beClient(*load, c.conns, c.time)
	default:
		err = c.measure()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "net:", err)
		os.Exit(1)
	}
}

// config is what is to be measured.
type config struct {
	conns, idle, rounds int
	time                time.Duration
	httpd               string
}

// measure prints all rows.
func (c config) measure() error {
	for range c.rounds {
		for _, f := range []func() error{c.echo, c.http} {
			if err := f(); err != nil {
				return err
			}
		}
	}
	return c.idling()
}

// twins are the rows of a workload: package net's way is compared with both of runq's.
var twins = []struct {
	serve string
	rows  []string
}{
	{"net", []string{"mode=task/impl=net", "mode=handler/impl=net"}},
	{"task", []string{"mode=task/impl=runq"}},
	{"handler", []string{"mode=handler/impl=runq"}},
}

// show prints a line of results for each of the rows.
func show(workload string, rows []string, ops int, figures string) {
	for _, row := range rows {
		fmt.Printf("Benchmark%s/%s-%d\t%d\t%s\n", workload, row, runtime.GOMAXPROCS(0), ops, figures)
	}
}

// echo measures the servers with all connections busy.
func (c config) echo() error {
	for _, twin := range twins {
		s, err := startServer(twin.serve)
		if err != nil {
			return err
		}
		before, err := s.ask("cpu")
		if err != nil {
			return err
		}
		l, err := runClient(s.addr, c.conns, c.time)
		if err != nil {
			return err
		}
		cpu, err := s.ask("cpu")
		if err != nil {
			return err
		}
		s.stop()
		ops := float64(l.ops)
		show("Echo1000", twin.rows, l.ops, fmt.Sprintf("%.1f ns/op\t%.0f requests/s\t%.1f server-cpu-ns/op\t%.1f client-cpu-ns/op",
			float64(l.took)/ops, ops/l.took.Seconds(), float64(cpu-before)/ops, float64(l.cpu)/ops))
	}
	return nil
}

// idling measures the servers' memory with all connections idle.
func (c config) idling() error {
	if n := maxFiles() - spareFiles; c.idle > n {
		fmt.Fprintf(os.Stderr, "net: only %d files may be open: %d idle connections instead of %d\n", n+spareFiles, n, c.idle)
		c.idle = n
	}
	for _, twin := range twins {
		s, err := startServer(twin.serve)
		if err != nil {
			return err
		}
		if err := idle(s.addr, 100, func() error { return nil }); err != nil { // what the first ones cost, once
			return err
		}
		before, err := s.ask("rss")
		if err != nil {
			return err
		}
		var full int64
		err = idle(s.addr, c.idle, func() (err error) {
			full, err = s.ask("rss")
			return err
		})
		if err != nil {
			return err
		}
		s.stop()
		show("Idle20K", twin.rows, 1, fmt.Sprintf("%d rss-B\t%.1f rss-B/conn", full-before, float64(full-before)/float64(c.idle)))
	}
	return nil
}
