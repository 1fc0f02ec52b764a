module github.com/runq-go/runq/linear

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/runq-go/runq v0.0.0-00010101000000-000000000000
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/runq-go/runq => ../
