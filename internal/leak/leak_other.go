//go:build !linux

package leak

// There is no portable way to ask for these, so nothing is found.

func openFiles() map[string]string { return nil }
func children() []string           { return nil }
func threads() int                 { return 0 }
func threadStates() string         { return "" }
func maxThreads(budget int) int    { return budget }
