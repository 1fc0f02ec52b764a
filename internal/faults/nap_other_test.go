//go:build !linux

package faults

import "time"

func nap() { time.Sleep(brief) }
