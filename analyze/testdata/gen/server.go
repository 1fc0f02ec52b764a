package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// server answers a few clients that take their time: nothing is wrong with it.
func server() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello", r.URL.Path)
	})}
	go s.Serve(l)
	var done sync.WaitGroup
	for i := 0; i < 4; i++ {
		done.Add(1)
		go client(l.Addr().String(), &done)
	}
	done.Wait()
	s.Close()
}

func client(addr string, done *sync.WaitGroup) {
	defer done.Done()
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	for i := 0; i < 40; i++ {
		resp, err := c.Get("http://" + addr + "/there")
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		time.Sleep(5 * time.Millisecond)
	}
}
