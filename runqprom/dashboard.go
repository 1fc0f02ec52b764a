package runqprom

import _ "embed"

// Dashboard is a dashboard for Grafana, in its JSON model: what the classes wait, run and
// take, the share of background work, Ps, threads, queues, timers. It asks for the data
// source when it is imported, and can be narrowed down by instance, scheduler and class.
//
//go:embed dashboard.json
var Dashboard string
