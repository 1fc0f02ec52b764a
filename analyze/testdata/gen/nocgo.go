//go:build !cgo

package main

// foreign needs a C compiler.
func foreign() { panic("no cgo") }
