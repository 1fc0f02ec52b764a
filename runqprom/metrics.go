package runqprom

import (
	"math"
	"time"

	"github.com/runq-go/runq"
)

// schedulerMetrics are those of a whole scheduler. What is in runq.Stats is in one of
// them; a test looks for what isn't.
var schedulerMetrics = []metric[runq.Stats]{
	{name: "runq_ps", help: "Ps, which are rights to run a task, of ordinary classes.",
		states: map[string]func(*runq.Stats) float64{
			"idle":    func(s *runq.Stats) float64 { return float64(s.Idle) },
			"running": func(s *runq.Stats) float64 { return float64(max(s.Procs-s.Idle, 0)) },
		}},
	{name: "runq_threads", help: "Ms, which are threads of execution, whatever they do.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Threads) }},

	{name: "runq_tasks_spawned_total", help: "Tasks accepted.",
		counter: func(s *runq.Stats) float64 { return float64(s.Spawned) }},
	{name: "runq_tasks_finished_total", help: "Tasks that have ended.",
		counter: func(s *runq.Stats) float64 { return float64(s.Finished) }},
	{name: "runq_tasks_live", help: "Tasks accepted that have not ended.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Live) }},
	{name: "runq_tasks_blocked", help: "Tasks in a blocking call whose P was taken.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Blocked) }},
	{name: "runq_tasks_overrun", help: "Tasks that run on without a P.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Overrun) }},

	{name: "runq_steals_total", help: "Times that an M took tasks from another P.",
		counter: func(s *runq.Stats) float64 { return float64(s.Steals) }},
	{name: "runq_stolen_tasks_total", help: "Tasks taken from another P.",
		counter: func(s *runq.Stats) float64 { return float64(s.StolenTasks) }},
	{name: "runq_spins_total", help: "Times that an M began to search for work.",
		counter: func(s *runq.Stats) float64 { return float64(s.Spins) }},
	{name: "runq_parks_total", help: "Waits of tasks begun.",
		counter: func(s *runq.Stats) float64 { return float64(s.Parks) }},
	{name: "runq_wakes_total", help: "Waits of tasks ended.",
		counter: func(s *runq.Stats) float64 { return float64(s.Wakes) }},
	{name: "runq_yields_total", help: "Calls of Yield.",
		counter: func(s *runq.Stats) float64 { return float64(s.Yields) }},
	{name: "runq_preemptions_total", help: "Slices that ended because other tasks waited.",
		counter: func(s *runq.Stats) float64 { return float64(s.Preemptions) }},
	{name: "runq_overruns_total", help: "Ps taken from running tasks, which then run on without one.",
		counter: func(s *runq.Stats) float64 { return float64(s.Overruns) }},

	{name: "runq_blocks_total", help: "Calls of Block.",
		counter: func(s *runq.Stats) float64 { return float64(s.Blocks) }},
	{name: "runq_handoffs_total", help: "Ps given to another M together with work.",
		counter: func(s *runq.Stats) float64 { return float64(s.Handoffs) }},
	{name: "runq_blocked_retakes_total", help: "Ps taken from blocking calls.",
		counter: func(s *runq.Stats) float64 { return float64(s.RetakesBlocked) }},
	{name: "runq_blocked_full_total", help: "Ps not taken from blocking calls because of MaxBlocked.",
		counter: func(s *runq.Stats) float64 { return float64(s.BlockedFull) }},

	{name: "runq_forks_promoted_total", help: "Forks that became tasks, for others to run.",
		counter: func(s *runq.Stats) float64 { return float64(s.ForksPromoted) }},
	{name: "runq_forks_taken_back_total", help: "Promoted forks that were run by their Join all the same.",
		counter: func(s *runq.Stats) float64 { return float64(s.ForksTakenBack) }},
	{name: "runq_forks_leapfrogged_total", help: "Promoted forks that were run by a task waiting for the fork that they descend from.",
		counter: func(s *runq.Stats) float64 { return float64(s.ForksLeapfrogged) }},

	{name: "runq_carriers_made_total", help: "Stacks allocated for tasks that wait.",
		counter: func(s *runq.Stats) float64 { return float64(s.CarriersMade) }},
	{name: "runq_carriers_ended_total", help: "Stacks for tasks that wait freed again.",
		counter: func(s *runq.Stats) float64 { return float64(s.CarriersEnded) }},

	{name: "runq_stops_total", help: "Times that the scheduler's world was stopped.",
		counter: func(s *runq.Stats) float64 { return float64(s.Stops) }},
	{name: "runq_stop_seconds_total", help: "Time that stopping the scheduler's world took.",
		counter: func(s *runq.Stats) float64 { return seconds(s.StopTime) }},
	{name: "runq_stop_max_seconds", help: "Time that the slowest stop of the scheduler's world took.",
		gauge: func(s *runq.Stats) float64 { return seconds(s.StopMax) }},

	{name: "runq_events_lost_total", help: "Events of the trace overwritten before they were read.",
		counter: func(s *runq.Stats) float64 { return float64(s.EventsLost) }},
	{name: "runq_timer_lateness_seconds", help: "Time from the deadline of a timer to the moment it was run. The sum is estimated from the buckets.",
		histogram: func(s *runq.Stats) (*runq.Histogram, time.Duration) {
			return &s.TimerLateness, about(&s.TimerLateness)
		}},

	{name: "runq_background_ps", help: "How many background tasks may run at once. 0: there has not been any.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Background.Procs) }},
	{name: "runq_background_threads", help: "Threads of background classes.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Background.Threads) }},
	{name: "runq_background_cpu_seconds_total", help: "Time of processors that the threads of background classes have used, about.",
		counter: func(s *runq.Stats) float64 { return s.Background.CPU.Seconds() }},
	{name: "runq_background_allowed_cpus", help: "CPUs that background work may use at the moment, on average. +Inf: as many as there are.",
		gauge: func(s *runq.Stats) float64 { return allowed(s.Background.Allowed) }},
	{name: "runq_background_rested_seconds_total", help: "For how long the threads of background classes have slept because others wanted the processors.",
		counter: func(s *runq.Stats) float64 { return s.Background.Rested.Seconds() }},
	{name: "runq_background_weak", help: "1 if there can not be threads with a low priority, so that background classes share the Ps of others; else 0.",
		gauge: func(s *runq.Stats) float64 { return truth(s.Background.Weak != nil) }},
	{name: "runq_background_grouped", help: "1 if background threads are in a control group of their own; else 0.",
		gauge: func(s *runq.Stats) float64 { return truth(s.Background.Group != "") }},
	{name: "runq_background_ungrouped", help: "1 if there can not be a control group for background threads although it was asked for, or it is not as it should be; else 0.",
		gauge: func(s *runq.Stats) float64 { return truth(s.Background.Ungrouped != nil) }},
	{name: "runq_background_headroom_ps", help: "By how much GOMAXPROCS is raised for background threads.",
		gauge: func(s *runq.Stats) float64 { return float64(s.Background.Headroom) }},

	{name: "runq_cgroup_quota_cpus", help: "CPUs that the quota of the process's control group is worth. 0: there is no quota." + sinceBackground,
		gauge: func(s *runq.Stats) float64 { return s.Background.Quota }},
	{name: "runq_cgroup_periods_total", help: "Periods of the quota." + sinceBackground,
		counter: func(s *runq.Stats) float64 { return float64(s.Background.Periods) }},
	{name: "runq_cgroup_throttled_periods_total", help: "Periods in which the quota was used up." + sinceBackground,
		counter: func(s *runq.Stats) float64 { return float64(s.Background.ThrottledPeriods) }},
	{name: "runq_cgroup_throttled_seconds_total", help: "Time for which threads stood still because the quota was used up." + sinceBackground,
		counter: func(s *runq.Stats) float64 { return s.Background.Throttled.Seconds() }},
}

// allowed returns how many CPUs background work may use.
func allowed(cpus float64) float64 {
	if cpus < 0 {
		return math.Inf(1)
	}
	return cpus
}

// sinceBackground ends the help of what runq looks at for the sake of background work.
const sinceBackground = " Read once a second since there has been background work."

// sinceSecond ends the help of what runq measures only if there is something to compare.
const sinceSecond = " Kept since a second class had a task, or always with Config.Times."

// classMetrics are those of a class. What is in runq.ClassStats is in one of them.
var classMetrics = []metric[runq.ClassStats]{
	{name: "runq_class_weight", help: "The share of the Ps that the class gets, in proportion to that of others.",
		gauge: func(c *runq.ClassStats) float64 { return float64(c.Weight) }},
	{name: "runq_class_background", help: "1 if the class has threads of its own with a low priority, else 0.",
		gauge: func(c *runq.ClassStats) float64 { return truth(c.Background) }},
	{name: "runq_class_queued_tasks", help: "Tasks in the queue of the class; more may be in those of the Ps.",
		gauge: func(c *runq.ClassStats) float64 { return float64(c.Queued) }},
	{name: "runq_class_blocked_tasks", help: "Tasks of the class in a blocking call whose P was taken.",
		gauge: func(c *runq.ClassStats) float64 { return float64(c.Blocked) }},
	{name: "runq_class_serving_ps", help: "Ps that serve the class at the moment.",
		gauge: func(c *runq.ClassStats) float64 { return float64(c.Serving) }},
	{name: "runq_class_run_seconds_total", help: "Time for which tasks of the class have held Ps." + sinceSecond,
		counter: func(c *runq.ClassStats) float64 { return c.Run.Seconds() }},
	{name: "runq_class_wait_seconds", help: "Time of tasks from runnable to running." + sinceSecond,
		histogram: func(c *runq.ClassStats) (*runq.Histogram, time.Duration) { return &c.Wait, c.WaitSum }},
	{name: "runq_class_stretch_seconds", help: "Time of tasks from running to ended, waiting or interrupted." + sinceSecond,
		histogram: func(c *runq.ClassStats) (*runq.Histogram, time.Duration) { return &c.Stretch, c.StretchSum }},
	{name: "runq_class_latency_seconds", help: "Time of tasks from spawned to ended." + sinceSecond,
		histogram: func(c *runq.ClassStats) (*runq.Histogram, time.Duration) { return &c.Latency, c.LatencySum }},
}
