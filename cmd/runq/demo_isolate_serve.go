package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

// billPath is where the HTTP server bills orders.
const billPath = "/bill"

// serverReady is what the server says when it answers requests.
type serverReady struct {
	Addr  [kinds]string
	Files int
	Bytes int64 // of all files
}

// serverResult is what the server says at its end, about the measured time.
type serverResult struct {
	Elapsed    time.Duration
	Compressed int64 // bytes of input
	Procs      int   // GOMAXPROCS, with what runq has added
	Pauses     pauses
}

type serveOptions struct {
	mode    string
	workers int
	files   string
	group   string
}

// newServeCommand is the process that answers requests, and compresses files beside.
func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "isolate-serve", Short: "The servers of the demo isolate", Hidden: true, Args: cobra.NoArgs}
	var o serveOptions
	cmd.Flags().StringVar(&o.mode, "mode", "", "letter of the mode")
	cmd.Flags().IntVar(&o.workers, "workers", 0, "how many files to compress at a time")
	cmd.Flags().StringVar(&o.files, "files", "", "folder of the files to compress")
	cmd.Flags().StringVar(&o.group, "group", "", "control group to enter first")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.group != "" {
			return enterGroup(o.group, []string{"demo", cmd.Name(),
				"--mode", o.mode, "--workers", fmt.Sprint(o.workers), "--files", o.files})
		}
		return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
	}
	return cmd
}

func (o *serveOptions) run(ctx context.Context, in io.Reader, out io.Writer) error {
	mode, err := isolateModeOf(o.mode)
	if err != nil {
		return err
	}
	files, err := readCorpus(o.files)
	if err != nil {
		return err
	}
	defer files.free()
	orders := readOrders(in)
	addr, closeServers, err := startServers(orders)
	if err != nil {
		return err
	}
	defer closeServers()
	report := json.NewEncoder(out)
	if err := report.Encode(serverReady{Addr: addr, Files: len(files.files), Bytes: files.bytes}); err != nil {
		return err
	}
	if err := orders.await(ctx, orderWork); err != nil {
		return err
	}
	work := newCompression(files)
	stop, err := mode.start(work, o.workers)
	if err != nil {
		return err
	}
	defer func() { stop() }()
	if err := orders.await(ctx, orderMeasure); err != nil {
		return err
	}
	began, before, pausesBefore := time.Now(), work.input.Load(), readPauses()
	if err := orders.await(ctx, orderMeasured); err != nil {
		return err
	}
	r := serverResult{Elapsed: time.Since(began), Compressed: work.input.Load() - before, Procs: runtime.GOMAXPROCS(0)}
	r.Pauses = readPauses().since(pausesBefore)
	if err := orders.await(ctx, orderStop); err != nil {
		return err
	}
	err, stop = stop(), func() error { return nil }
	return errors.Join(err, report.Encode(r))
}

// startServers starts both servers on free ports of the loopback interface. The function closes them.
func startServers(o *orders) (addr [kinds]string, closeAll func(), err error) {
	var listeners [kinds]net.Listener
	for kind := range kinds {
		if listeners[kind], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return addr, nil, err
		}
		addr[kind] = listeners[kind].Addr().String()
	}
	go serveEcho(listeners[kindEcho], o)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+billPath, serveBill)
	web := &http.Server{Handler: mux}
	go func() {
		if err := web.Serve(listeners[kindJSON]); !errors.Is(err, http.ErrServerClosed) {
			o.fail(fmt.Errorf("the HTTP server: %w", err))
		}
	}()
	return addr, func() {
		listeners[kindEcho].Close()
		web.Close()
	}, nil
}

// serveEcho serves every connection by a goroutine of its own, until the listener is closed.
func serveEcho(l net.Listener, o *orders) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			o.fail(fmt.Errorf("the echo server: %w", err))
			return
		}
		go func() {
			defer conn.Close()
			buf := make([]byte, 4<<10) // more than a message
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				if _, err := conn.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}
