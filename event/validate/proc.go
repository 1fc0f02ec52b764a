package validate

import "github.com/runq-go/runq/event"

// proc is what is known of a P.
type proc struct {
	known     bool
	m         event.MID // that holds it; NoM: it is free
	destroyed bool
}

// thread is what is known of a thread.
type thread struct {
	task  event.TaskID // that is on it; NoTask: none, or unknown
	p     event.PID    // that it holds
	holds bool         // whether p means anything: if not, it holds none or it is unknown
}

// thread returns the entry of a thread, a new one if there is none.
func (v *Validator) thread(id event.MID) *thread {
	m := v.threads[id]
	if m == nil {
		m = new(thread)
		v.threads[id] = m
	}
	return m
}

// proc returns the entry of a P, a new one if there is none.
func (v *Validator) proc(id event.PID) *proc {
	p := v.procs[id]
	if p == nil {
		p = new(proc)
		v.procs[id] = p
	}
	return p
}

func isProc(k event.Kind) bool {
	return k >= event.KindProcAcquired && k <= event.KindProcDestroyed || k == event.KindProcSeen
}

// checkExited is rule 9.
func (v *Validator) checkExited(e event.Event) *Violation {
	if e.M != event.NoM && v.exited.has(threadNumber(e.M)) {
		return v.violation(9, e, "the thread has exited before")
	}
	return nil
}

// threadEvent notes that a thread is there, or is no more. It comes after all checks: an
// event of a thread that has exited may have brought the thread back.
func (v *Validator) threadEvent(e event.Event) {
	if e.M == event.NoM {
		return
	}
	if e.Kind == event.KindThreadExited {
		v.exited.add(threadNumber(e.M))
	}
	if v.exited.has(threadNumber(e.M)) {
		delete(v.threads, e.M)
	} else {
		v.thread(e.M)
	}
}

// threadNumber is the thread's id as one of an idSet.
func threadNumber(id event.MID) uint64 { return uint64(uint32(id)) }

// procEvent checks an event of a P: rule 2.
func (v *Validator) procEvent(e event.Event) *Violation {
	if v.stretches > 0 {
		return nil
	}
	p := v.proc(e.P)
	bad := v.checkProc(p, e)
	v.drop(e.P, p)
	p.known = true
	p.destroyed = e.Kind == event.KindProcDestroyed
	if e.Kind == event.KindProcAcquired || e.Kind == event.KindProcSeen && e.M != event.NoM {
		v.hold(e.M, e.P, p)
	}
	return bad
}

func (v *Validator) checkProc(p *proc, e event.Event) *Violation {
	if p.known && p.destroyed && e.Kind != event.KindProcCreated {
		return v.violation(2, e, "the P has been destroyed")
	}
	switch e.Kind {
	case event.KindProcAcquired:
		if p.known && p.m != event.NoM {
			return v.violation(2, e, "%v holds the P", p.m)
		}
		if m := v.threads[e.M]; m != nil && m.holds {
			return v.violation(2, e, "the thread holds %v", m.p)
		}
	case event.KindProcReleased, event.KindProcRetaken:
		if p.known && p.m == event.NoM {
			return v.violation(2, e, "nobody holds the P")
		}
		if p.known && p.m != e.M {
			return v.violation(2, e, "%v holds the P", p.m)
		}
	case event.KindProcCreated, event.KindProcSeen:
		if p.known && !p.destroyed {
			return v.violation(2, e, "the P exists already")
		}
	case event.KindProcDestroyed:
		if p.known && p.m != event.NoM {
			return v.violation(2, e, "%v holds the P", p.m)
		}
	}
	return nil
}

// checkHolds is the part of rule 2 that is about the events of tasks. Where
// nothing is known of the P, it takes the event's word.
func (v *Validator) checkHolds(e event.Event) *Violation {
	if v.stretches > 0 || e.Coarse || e.P == event.NoP || e.M == event.NoM || e.Kind == event.KindTaskOverrun {
		return nil
	}
	p := v.proc(e.P)
	switch {
	case !p.known:
		m := v.thread(e.M)
		if m.holds {
			return v.violation(2, e, "the thread holds %v", m.p)
		}
		p.known = true
		v.hold(e.M, e.P, p)
	case p.m == event.NoM:
		return v.violation(2, e, "the thread doesn't hold the P: nobody does")
	case p.m != e.M:
		return v.violation(2, e, "the thread doesn't hold the P: %v does", p.m)
	}
	return nil
}

// hold gives the P, which is free, to the thread.
func (v *Validator) hold(id event.MID, pid event.PID, p *proc) {
	m := v.thread(id)
	if old := v.procs[m.p]; m.holds && old != nil {
		old.m = event.NoM // it was wrong, and has been reported
	}
	m.holds, m.p = true, pid
	p.m = id
}

// drop takes the P from the thread that holds it.
func (v *Validator) drop(pid event.PID, p *proc) {
	if m := v.threads[p.m]; p.known && m != nil && m.holds && m.p == pid {
		m.holds = false
	}
	p.m = event.NoM
}
