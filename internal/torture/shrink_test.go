package torture

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// shrinker makes a trial that fails smaller, for as long as it fails.
type shrinker struct {
	best  trial
	fails func(trial) bool // runs it, several times if need be
	end   time.Time        // when to be content with what there is
	tried int
}

// shrink returns the smallest trial that it has found to fail. Passes follow until
// none makes it smaller, since each opens ways for the others.
func (s *shrinker) shrink() trial {
	all := generate(s.best.seed)
	if s.best.keep == nil {
		s.best.keep = keepAll(all)
	}
	for again := true; again; {
		again = s.simplify()
		again = s.removeTrees(all) || again
		again = s.removeOps(all) || again
		again = s.reduce(all) || again
	}
	return s.best
}

// accept makes the trial the best one if it fails.
func (s *shrinker) accept(tr trial) bool {
	if time.Now().After(s.end) {
		return false
	}
	s.tried++
	if !s.fails(tr) {
		return false
	}
	s.best = tr
	return true
}

// simplify makes the configuration simpler.
func (s *shrinker) simplify() (done bool) {
	for again := true; again; done = done || again {
		again = slices.ContainsFunc(s.best.cfg.simpler(), func(c config) bool {
			tr := s.best
			tr.cfg = c
			return s.accept(tr)
		})
	}
	return done
}

// removeTrees removes ops with all below, the largest first.
func (s *shrinker) removeTrees(all *op) (done bool) {
	var trees []*op
	for _, o := range s.kept(all) {
		if o.kind != kRoot {
			trees = append(trees, o)
		}
	}
	slices.SortStableFunc(trees, func(a, b *op) int { return cmp.Compare(b.size(), a.size()) })
	for _, o := range trees {
		if _, still := s.best.keep[o.id]; !still {
			continue
		}
		tr := s.best
		tr.keep = maps.Clone(tr.keep)
		o.walk(func(o *op) { delete(tr.keep, o.id) })
		done = s.accept(tr) || done
	}
	return done
}

// removeOps removes single ops; what is below moves up.
func (s *shrinker) removeOps(all *op) (done bool) {
	for _, o := range s.kept(all) {
		if o.kind == kRoot || len(o.kids) == 0 {
			continue // the root stays, and removeTrees has tried the leaves
		}
		drop := []*op{o}
		if o.kind.groups() { // its children can't stay without it
			drop = append(drop, o.kids...)
		}
		tr := s.best
		tr.keep = maps.Clone(tr.keep)
		for _, o := range drop {
			delete(tr.keep, o.id)
		}
		done = s.accept(tr) || done
	}
	return done
}

// reduce makes numbers smaller.
func (s *shrinker) reduce(all *op) (done bool) {
	for _, o := range s.kept(all) {
		if o.kind.groups() || o.kind == kResize || o.kind == kKnot {
			continue // a limit of 1 isn't less than one of 3, nor one seed than another; a knot takes two
		}
		for _, n := range [...]int{1, o.n / 2} {
			if n >= o.n || n < 1 {
				continue
			}
			tr := s.best
			tr.keep = maps.Clone(tr.keep)
			tr.keep[o.id] = n
			if s.accept(tr) {
				done = true
				break
			}
		}
	}
	return done
}

// kept returns the ops of the best trial's program. What isn't kept because the
// place where it would stand has gone is forgotten.
func (s *shrinker) kept(all *op) (ops []*op) {
	keep := make(keepSet)
	all.filter(s.best.keep).walk(func(o *op) {
		ops = append(ops, o)
		if o.kind != kRoot {
			keep[o.id] = s.best.keep[o.id]
		}
	})
	s.best.keep = keep
	return ops
}
