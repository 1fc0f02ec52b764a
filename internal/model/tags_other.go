//go:build !model

package model

// buildTags is what the go command needs to build the test again.
const buildTags = ""
