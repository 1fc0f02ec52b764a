package validate

import (
	"maps"
	"slices"
)

const (
	// pageIDs is how many ids a page of an idSet has bits for. With that many, what the
	// map needs for a page is little beside the page, and a page, of half a KiB, is small
	// where ids are far apart.
	pageIDs = 4096

	// maxPages bounds an idSet to some 9 MiB, and is room for 67 million ids: as many as
	// a scheduler gives out in a minute, at a million tasks a second. An event that comes
	// after its task's end comes within that time, or not for a reason that has to do
	// with that end.
	maxPages = 1 << 14
)

// page has a bit for each id.
type page [pageIDs / 64]uint64

// idSet is a set of ids that are given out in about their order, so that the lowest are
// the oldest: those it forgets, a half of its pages, when there are too many. The zero
// idSet is empty.
type idSet struct {
	pages map[uint64]*page
	last  *page // where the id was that was looked for last: mostly that of the next one, too
	at    uint64
}

// page returns the page of an id, nil if there is none.
func (s *idSet) page(id uint64) *page {
	if n := id / pageIDs; s.last == nil || n != s.at {
		s.last, s.at = s.pages[n], n
	}
	return s.last
}

func (s *idSet) has(id uint64) bool {
	p := s.page(id)
	return p != nil && p[id%pageIDs/64]>>(id%64)&1 != 0
}

func (s *idSet) add(id uint64) {
	p := s.page(id)
	if p == nil {
		p = s.grow(id / pageIDs)
	}
	p[id%pageIDs/64] |= 1 << (id % 64)
}

// grow adds a page.
func (s *idSet) grow(n uint64) *page {
	if s.pages == nil {
		s.pages = make(map[uint64]*page)
	}
	if len(s.pages) >= maxPages {
		for _, old := range slices.Sorted(maps.Keys(s.pages))[:maxPages/2] {
			delete(s.pages, old)
		}
	}
	p := new(page)
	s.pages[n] = p
	s.last, s.at = p, n
	return p
}
