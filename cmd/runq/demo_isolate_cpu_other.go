//go:build !linux

package main

import "time"

// readCPUTime knows nothing here: other systems have no file that says it.
func readCPUTime(...*child) (time.Duration, error) { return 0, nil }
