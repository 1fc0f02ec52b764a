//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// wrkConns is how many connections wrk has: enough to keep both sides busy all the
// time, few enough that wrk itself has no trouble with them.
const wrkConns = 100

// httpRows are examples/httpd's modes, and the rows that they are.
var httpRows = []struct {
	args []string
	rows []string
}{
	{[]string{"-mode", "net"}, []string{"mode=std/impl=net", "mode=handler/impl=net"}},
	{[]string{"-mode", "std"}, []string{"mode=std/impl=runq"}},
	{[]string{"-mode", "handler"}, []string{"mode=handler/impl=runq"}},
	{[]string{"-mode", "net", "-tls"}, []string{"mode=tls/impl=net"}},
	{[]string{"-mode", "std", "-tls"}, []string{"mode=tls/impl=runq"}},
}

// http measures web servers with wrk, if that is there.
func (c config) http() error {
	if c.httpd == "" {
		return nil
	}
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		fmt.Fprintln(os.Stderr, "net: wrk isn't installed: no HTTP rows")
		return nil
	}
	for _, r := range httpRows {
		rate, err := c.rate(wrk, r.args)
		if err != nil {
			return err
		}
		show("HTTP", r.rows, int(rate*c.time.Seconds()), fmt.Sprintf("%.1f ns/op\t%.0f requests/s", 1e9/rate, rate))
	}
	return nil
}

// rate returns how many requests a second a server answers.
func (c config) rate(wrk string, args []string) (float64, error) {
	cmd := exec.Command(c.httpd, append(args, "-listen", "127.0.0.1:0")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var url string
	for in := bufio.NewScanner(stderr); url == ""; { // it logs "... serving on <url>"
		if !in.Scan() {
			return 0, fmt.Errorf("%v has ended: %w", cmd.Args, errors.Join(in.Err(), cmd.Wait()))
		}
		_, url, _ = strings.Cut(in.Text(), "serving on ")
	}
	// wrk knows whole seconds only.
	seconds := max(1, int(c.time/time.Second))
	out, err := exec.Command(wrk, "-t", "1", "-c", strconv.Itoa(wrkConns), "-d", fmt.Sprint(seconds, "s"), url).Output()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	if bytes.Contains(out, []byte("Socket errors")) || bytes.Contains(out, []byte("Non-2xx")) {
		return 0, fmt.Errorf("wrk has met errors:\n%s", out)
	}
	_, text, _ := strings.Cut(string(out), "Requests/sec:")
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return 0, fmt.Errorf("wrk doesn't say how many requests there were:\n%s", out)
	}
	return strconv.ParseFloat(fields[0], 64)
}
