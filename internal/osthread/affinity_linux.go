package osthread

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SetAffinity lets the calling thread run on these CPUs only, in any order, each
// below [MaxCPUs]. CPUs that don't exist, are offline or are not allowed to the
// process are left out; [Affinity] tells what remains. None at all, given or
// remaining, is an error, and so is a sandbox that forbids it; the thread then stays
// as it was. It waits until the thread is on one of the CPUs.
func SetAffinity(cpus []int) error {
	if len(cpus) == 0 {
		return errors.New("osthread: affinity to no CPU: name at least one")
	}
	set := unix.NewCPUSet(MaxCPUs)
	for _, cpu := range cpus {
		if cpu < 0 || cpu >= MaxCPUs {
			return fmt.Errorf("osthread: affinity to CPU %d: must be from 0 to %d", cpu, MaxCPUs-1)
		}
		set.Set(cpu)
	}
	err := unix.SchedSetaffinityDynamic(0, set) // 0: the calling thread
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("osthread: affinity to CPUs %v: none of them is online and allowed to this process: %w", cpus, err)
	}
	if err != nil {
		return fmt.Errorf("osthread: setting the affinity to CPUs %v: %w", cpus, err)
	}
	return nil
}

// Affinity returns the CPUs that the calling thread may run on, in ascending order.
func Affinity() ([]int, error) {
	set := unix.NewCPUSet(MaxCPUs) // the kernel refuses one with less room than it could need
	if err := unix.SchedGetaffinityDynamic(0, set); err != nil {
		return nil, fmt.Errorf("osthread: reading the affinity: %w", err)
	}
	cpus := make([]int, 0, set.Count())
	for cpu := range MaxCPUs {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
