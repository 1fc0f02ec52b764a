package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// defaultSeconds is how long a program is recorded: long enough to see what happens all the time, and
	// short enough to wait for.
	defaultSeconds = 5

	// maxAnswer is how much is shown of what a program says instead of a trace: pprof says a sentence.
	maxAnswer = 200

	pprofPath = "/debug/pprof/trace" // where net/http/pprof serves Go's traces
	runqPath  = "/debug/runq/trace"  // where runqhttp serves those of a runq scheduler
)

// A remote is a program that can be asked for a trace.
type remote struct {
	url   string
	host  string        // with the port
	lasts time.Duration // how long it will record; 0: not known

	mu   sync.Mutex
	conn net.Conn // on which it was asked; nil: not yet
}

// newRemote completes an address: http:// before a bare host, the path of a trace where there is none (that of
// runq's own handler, if ours says so), and for how long. seconds is 0 if the user hasn't said how long.
func newRemote(address string, seconds float64, ours bool) (*remote, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s is no address of a program; one looks like http://localhost:6060", printable(address))
	}
	switch p := path.Clean("/" + u.Path); {
	case p == path.Dir(pprofPath), p == path.Dir(runqPath):
		u.Path = path.Join(p, "trace")
	case p == "/" && ours:
		u.Path = runqPath
	case p == "/":
		u.Path = pprofPath
	}
	query := u.Query()
	if seconds != 0 {
		query.Set("seconds", strconv.FormatFloat(seconds, 'f', -1, 64))
	} else if !query.Has("seconds") {
		query.Set("seconds", strconv.Itoa(defaultSeconds))
	}
	u.RawQuery = query.Encode()
	t := &remote{url: u.String(), host: u.Host}
	if u.Port() == "" {
		t.host = net.JoinHostPort(u.Hostname(), u.Scheme) // http and https are names of ports, too
	}
	if s, err := strconv.ParseFloat(query.Get("seconds"), 64); err == nil && s > 0 {
		t.lasts = time.Duration(s * float64(time.Second))
	}
	return t, nil
}

// errRefused says that nobody listens at an address.
var errRefused = errors.New("nobody answers there")

// get asks the program, which records from now on. It blocks until the answer begins; there is no limit, since
// the first bytes may come when the recording is over. An answer that isn't OK is an error.
func (t *remote) get(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.url, err)
	}
	// The connection is for this request alone: see hangUp.
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DialContext: t.dial}}
	resp, err := client.Do(req)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err // its text repeats the address
		}
		return nil, fmt.Errorf("%s: %w", t.url, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	says, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) //nolint:errcheck // what can't be read isn't shown
	text := strings.TrimSpace(string(says))
	if strings.HasPrefix(text, "<") { // a page for people who look at it in a browser
		text = ""
	}
	if resp.StatusCode == http.StatusNotFound {
		text = "the program serves no traces there: it must import net/http/pprof, or serve runqhttp's handler (--runq)"
	}
	return nil, fmt.Errorf("%s: the answer is %s", t.url, strings.TrimSuffix(resp.Status+": "+text, ": "))
}

func (t *remote) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = conn
	return conn, nil
}

// hangUp tells the program that nothing more will be asked, by closing one direction of the connection. A Go
// server takes that for the end of the request and stops recording; but it still sends what it has, so that
// the recording is whole. Closing the connection would cut it off. It reports whether that could be done.
func (t *remote) hangUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	half, ok := t.conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}
