package netpoll

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/runq-go/runq"
)

// TestTLS: crypto/tls in tasks, on both sides.
func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS() // for its certificate
	defer srv.Close()
	s := openScheduler(t, 2)
	a, b := pair(t, s, "tcp")
	data := pattern(1 << 20)
	runAll(t, s,
		func(tk *runq.Task) error {
			c := tls.Server(a.As(tk), &tls.Config{Certificates: srv.TLS.Certificates})
			if _, err := io.Copy(c, c); err != nil {
				return err
			}
			return c.Close()
		},
		func(tk *runq.Task) error {
			cfg := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			cfg.ServerName = "example.com"
			c := tls.Client(b.As(tk), cfg)
			if err := c.HandshakeContext(context.Background()); err != nil {
				return err
			}
			// The reader is the same task: so less than what fits on the way at a time.
			for chunk := data; len(chunk) > 0; {
				n := min(len(chunk), 1<<14)
				if _, err := c.Write(chunk[:n]); err != nil {
					return err
				}
				got := make([]byte, n)
				if _, err := io.ReadFull(c, got); err != nil {
					return err
				}
				if string(got) != string(chunk[:n]) {
					return errors.New("other bytes came back")
				}
				chunk = chunk[n:]
			}
			return c.Close()
		})
}

// TestHTTP: http.Server on a Listener, http.Client on Dial: keep-alive, aborted
// requests, timeouts, shutdown.
func TestHTTP(t *testing.T) {
	s := openScheduler(t, 2)
	l := listen(t, s, "tcp")
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-r.Context().Done()
				return
			}
			body, err := io.ReadAll(r.Body)
			fmt.Fprint(w, len(body), err)
		}),
		ReadTimeout: patience,
		IdleTimeout: patience,
	}
	over := start(nil, nil, func(*runq.Task) error { return srv.Serve(l) })
	client := &http.Client{}
	for range 20 {
		r, err := client.Post("http://"+l.Addr().String(), "text/plain", io.LimitReader(zeros{}, 100_000))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r.Body); string(body) != "100000 <nil>" {
			t.Errorf("%q, %v", body, err)
		}
		r.Body.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+l.Addr().String()+"/slow", nil)
	if _, err := client.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an aborted request returns %v", err)
	}
	client.CloseIdleConnections()
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := result(t, over); err != http.ErrServerClosed {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
