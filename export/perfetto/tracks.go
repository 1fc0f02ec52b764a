package perfetto

import (
	"github.com/runq-go/runq/analyze"
	"github.com/runq-go/runq/event"
)

// roots are the tracks that every trace has.
type roots struct{ procs, threads, counters, scheduler, tasks, stop, gc, losses uint64 }

// order says in which order a track's children are shown.
type order uint64

// The orders, as TrackDescriptor.ChildTracksOrdering numbers them.
const (
	byNothing order = 0
	byName    order = 1
	byRank    order = 3
)

// start writes what comes before the first event.
func (p *Pass) start(w *analyze.World) {
	if p.begun {
		return
	}
	p.begun = true
	name := w.Info.Name
	if name == "" {
		name = "scheduler"
	}
	// What is directly below a process is shown beside it, so there is a level between.
	process := p.out.process(name)
	root := func(rank int, name string, by order) uint64 { return p.out.track(process, name, rank, by, false) }
	r := &p.roots
	r.procs = root(1, "Ps", byRank)
	r.threads = root(2, "Threads (M)", byRank)
	r.counters = root(3, "Counters", byRank)
	r.scheduler = root(4, "Scheduler", byRank)
	r.tasks = root(5, "Tasks (G)", byName)
	r.stop = p.out.track(r.scheduler, "stop the world", 1, byNothing, false)
	r.gc = p.out.track(r.scheduler, "garbage collector", 2, byNothing, false)
	r.losses = p.out.track(r.scheduler, "losses", 3, byNothing, false)
	p.counters.start(p.out, r.counters)
}

// proc is what is shown of a P.
type proc struct {
	track uint64
	open  bool // a slice on it
	queue counter
}

// proc returns the P with that number, which isn't negative.
func (p *Pass) proc(id event.PID) *proc {
	for int(id) >= len(p.procs) {
		p.procs = append(p.procs, nil)
	}
	if p.procs[id] == nil {
		p.procs[id] = &proc{track: p.out.track(p.roots.procs, id.String(), int(id), byNothing, false)}
		p.procs[id].queue.track = p.out.track(p.roots.counters, "tasks in the queue of "+id.String(), queueRank+int(id), byNothing, true)
	}
	return p.procs[id]
}

// close ends the slice that is open on the P's track, if one is.
func (pr *proc) close(p *Pass) {
	if pr.open {
		pr.open = false
		p.out.end(p.now, pr.track)
	}
}

// runs shows that a task has a P from now on.
func (p *Pass) runs(w *analyze.World, t *analyze.Task, s *task) {
	if t.Proc == nil {
		return
	}
	pr := p.proc(t.Proc.ID)
	if pr.open {
		return // it goes on there
	}
	pr.open = true
	p.out.begin(p.now, pr.track, p.names.event(w.GroupName(t.Group)))
	p.out.number(p.names.arg("task"), uint64(t.ID))
	if s.flow != 0 {
		p.out.flow(s.flow, true)
		s.flow = 0
	}
	p.out.done()
}

// maxThreads bounds how many threads have tracks: more than a system has, and few enough
// for any memory.
const maxThreads = 1 << 16

// thread is what is shown of an M.
type thread struct {
	track uint64
	task  event.TaskID // whose slice is open on it; NoTask: none
}

// onThread shows that a task is on a thread from now on, or in a call there.
func (p *Pass) onThread(w *analyze.World, t *analyze.Task, s *task, m event.MID) {
	th := p.threads[m]
	if th == nil {
		if m < 0 || len(p.threads) >= maxThreads {
			return
		}
		th = &thread{track: p.out.track(p.roots.threads, m.String(), int(m), byNothing, false)}
		p.threads[m] = th
	}
	if other := p.tasks[th.task]; other != nil {
		p.offThread(other) // what was said of it was wrong, or is missing
	}
	th.task, s.thread = t.ID, th
	name := w.GroupName(t.Group)
	if t.State == event.TaskBlocked {
		name += ", in a call"
	}
	p.out.begin(p.now, th.track, p.names.event(name))
	p.out.number(p.names.arg("task"), uint64(t.ID))
	p.out.done()
}

// offThread closes what is open of a task on a thread.
func (p *Pass) offThread(s *task) {
	if th := s.thread; th != nil {
		p.out.end(p.now, th.track)
		th.task, s.thread = event.NoTask, nil
	}
}

// maxGroups bounds how many groups have tracks of their own; tasks of others share one.
// It is as many as a ledger has rows, times four.
const maxGroups = 1 << 14

// group returns the track of a group.
func (p *Pass) group(w *analyze.World, name event.StringID) uint64 {
	if track, ok := p.groups[name]; ok {
		return track
	}
	if len(p.groups) >= maxGroups && name != 0 {
		return p.group(w, 0)
	}
	track := p.out.track(p.roots.tasks, w.GroupName(name), 0, byRank, false)
	p.groups[name] = track
	return track
}

// maxPlaces bounds how many stacks' places are remembered; of others they are made anew
// each time. A large program has some ten thousand stacks.
const maxPlaces = 1 << 16

// rank is the place of a task among those of its group: older ones first, as far as a
// rank's 31 bits go.
func rank(id event.TaskID) int { return int(min(id, 1<<31-1)) }
