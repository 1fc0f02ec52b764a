package event

import (
	"strings"
	"sync"
)

// StringID names a string of a [Symbols]; 0 is the empty one.
type StringID uint32

// StackID names a call stack of a [Symbols]; 0 is one that isn't known.
type StackID uint32

// Frame is one call of a stack.
type Frame struct {
	Func string // with its package; empty: not known
	File string
	Line int
}

// Symbols holds the strings and the stacks that the events of a source name by number,
// each one once. Nothing in it changes or goes away, so that numbers stay valid as long
// as it does. It may be used by several goroutines at once. A nil *Symbols is an empty
// one that nothing can be put into. The zero one is ready for use.
//
// Its size is bounded: beyond [MaxSymbols] of a sort, what is new gets the number 0.
type Symbols struct {
	mu      sync.RWMutex
	strings []string
	stacks  []stack
	byText  map[string]StringID
	byKey   map[string]StackID
	omitted uint64
}

// MaxSymbols is how many strings, and how many stacks, a [Symbols] holds. Large programs
// have some ten thousands of each; a million says that the input makes them up.
const MaxSymbols = 1 << 20

type stack struct {
	frames []frame
	root   StringID // the function of the outermost frame
}

type frame struct {
	fn, file StringID
	line     uint32
}

// String returns a string's text: empty for a number that names none.
func (s *Symbols) String(id StringID) string {
	if s == nil || id == 0 {
		return ""
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.text(id)
}

func (s *Symbols) text(id StringID) string {
	if id == 0 || int(id) > len(s.strings) {
		return ""
	}
	return s.strings[id-1]
}

// Intern returns the number of a string, which is a new one if the string is. It keeps
// no reference to text.
func (s *Symbols) Intern(text string) StringID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.intern(text)
}

func (s *Symbols) intern(text string) StringID {
	if text == "" {
		return 0
	}
	if id, ok := s.byText[text]; ok {
		return id
	}
	if len(s.strings) == MaxSymbols {
		s.omitted++
		return 0
	}
	if s.byText == nil {
		s.byText = make(map[string]StringID)
	}
	text = strings.Clone(text) // it may be a part of something large
	s.strings = append(s.strings, text)
	id := StringID(len(s.strings))
	s.byText[text] = id
	return id
}

// InternStack returns the number of a stack, the innermost frame first: a new one if
// there is none with the same frames. It keeps no reference to frames. The stack without
// frames has the number 0.
func (s *Symbols) InternStack(frames []Frame) StackID {
	if len(frames) == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := make([]frame, len(frames))
	var key []byte
	for i, f := range frames {
		own[i] = frame{fn: s.intern(f.Func), file: s.intern(f.File), line: uint32(f.Line)}
		for _, n := range [...]uint32{uint32(own[i].fn), uint32(own[i].file), own[i].line} {
			key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		}
	}
	if id, ok := s.byKey[string(key)]; ok {
		return id
	}
	if len(s.stacks) == MaxSymbols {
		s.omitted++
		return 0
	}
	if s.byKey == nil {
		s.byKey = make(map[string]StackID)
	}
	s.stacks = append(s.stacks, stack{frames: own, root: own[len(own)-1].fn})
	id := StackID(len(s.stacks))
	s.byKey[string(key)] = id
	return id
}

// Frames appends the frames of a stack, the innermost one first, to dst: nothing for a
// number that names none.
func (s *Symbols) Frames(dst []Frame, id StackID) []Frame {
	if s == nil {
		return dst
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id == 0 || int(id) > len(s.stacks) {
		return dst
	}
	for _, f := range s.stacks[id-1].frames {
		dst = append(dst, Frame{Func: s.text(f.fn), File: s.text(f.file), Line: int(f.line)})
	}
	return dst
}

// Root returns the function that the stack's outermost frame is in: of a task's stack,
// the one that the task began with. It is 0 if that isn't known.
func (s *Symbols) Root(id StackID) StringID {
	if s == nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id == 0 || int(id) > len(s.stacks) {
		return 0
	}
	return s.stacks[id-1].root
}

// Omitted returns how often something was new, and there was no room for it.
func (s *Symbols) Omitted() uint64 {
	if s == nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.omitted
}
