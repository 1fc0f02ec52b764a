//go:build !linux

package main

import (
	"fmt"
	"os"
)

// Elsewhere than on Linux runq's connections are those of package net.
func main() {
	fmt.Fprintln(os.Stderr, "net: there is nothing to compare on this system")
	os.Exit(1)
}
