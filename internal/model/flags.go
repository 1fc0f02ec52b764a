package model

import "flag"

// The flags of a test binary that has checks in it.
var (
	flagPreemptions = flag.Int("model.preemptions", -1, "explore with so many preemptions, in place of the test's own bound")
	flagReplay      = flag.String("model.replay", "", "run only the schedule that a failure has printed, and show it")
	flagPCT         = flag.Int("model.pct", 0, "explore with PCT of this depth, -model.random times")
	flagRandom      = flag.Int("model.random", 0, "explore with so many random schedules")
	flagSeed        = flag.Uint64("model.seed", 0, "seed of -model.pct and -model.random")
)

// withFlags returns cfg as the flags change it.
func withFlags(cfg Config) Config {
	if *flagPreemptions >= 0 {
		cfg.Preemptions = *flagPreemptions
		cfg.PCT, cfg.Random = 0, 0
	}
	if *flagRandom > 0 {
		cfg.Random, cfg.Runs = *flagRandom, *flagRandom
	}
	if *flagPCT > 0 {
		cfg.PCT = *flagPCT
	}
	if *flagSeed != 0 {
		cfg.Seed = *flagSeed
	}
	return cfg
}
