package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// echoSize is that of a small message: what it costs is to come and go.
const echoSize = 64

// A loadConn is one connection of the load. Whoever the lane allowed to sends; one goroutine receives.
type loadConn struct {
	lane
	net.Conn
	in       *bufio.Reader
	kind     int
	request  []byte
	expected []byte // of JSON: the body of the answer
	sent     uint64
}

// dialLoad connects to a server of that kind.
func dialLoad(ctx context.Context, kind int, addr string) (*loadConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &loadConn{Conn: conn, in: bufio.NewReader(conn), kind: kind}
	if kind == kindEcho {
		c.request = make([]byte, echoSize)
		return c, nil
	}
	document, err := json.Marshal(sampleOrder())
	if err == nil {
		c.expected, err = json.Marshal(bill(sampleOrder()))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.request = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		billPath, addr, len(document), document)
	return c, nil
}

// send sends the next request.
func (c *loadConn) send() error {
	c.sent++
	if c.kind == kindEcho {
		binary.BigEndian.PutUint64(c.request, c.sent) // no answer passes for another one
	}
	_, err := c.Write(c.request)
	return err
}

// receive waits for the answer to the last request, and checks it.
func (c *loadConn) receive() error {
	if c.kind == kindEcho {
		var answer [echoSize]byte
		if _, err := io.ReadFull(c.in, answer[:]); err != nil {
			return err
		}
		if !bytes.Equal(answer[:], c.request) {
			return fmt.Errorf("got %x back for %x", answer, c.request)
		}
		return nil
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Equal(body, c.expected) {
		return fmt.Errorf("got status %s and %.200q, want %.200q", response.Status, body, c.expected)
	}
	return nil
}
