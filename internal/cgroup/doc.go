// Package cgroup reads the CPU limit of the control group that this process is in,
// and what came of it: time used, and time throttled. It makes groups below that one, too: for some
// of the process's threads ([Group.NewChild]), and for other processes ([Group.NewForProcesses]).
//
// The facts are from the kernel's documents cgroup-v2.rst, cgroup-v1/cgroups.rst,
// cgroup-v1/cpuacct.rst and scheduler/sched-bwc.rst, from cgroups(7),
// cgroup_namespaces(7) and proc_pid_mountinfo(5):
//
//   - A limit is a quota of CPU time in each period, on all CPUs together. Once it is
//     used up, every thread of the group stands still until the next period.
//   - A group is also held to the limits of all groups above it.
//   - Version 2 has one hierarchy with cpu.max and cpu.stat. Version 1 has a
//     hierarchy for each controller, or for several: cpu has the limit
//     (cpu.cfs_quota_us, cpu.cfs_period_us, cpu.stat), cpuacct has the time used
//     (cpuacct.usage). In a hybrid system both versions are there, and a controller
//     is in one hierarchy only: version 1's if /proc/self/cgroup names it there.
//   - /proc/self/cgroup gives the group's path as seen from the cgroup namespace's
//     root. /proc/self/mountinfo says which path a mount shows at its top; groups
//     above that, and above the mounts of a container in general, can't be seen, nor
//     can their limits.
//   - Bursts (cpu.max.burst, cpu.cfs_burst_us) let a group use in one period what it
//     has left in earlier ones. They don't change the average and are not read.
//
// On systems without /proc and on those without a cgroup there is [ErrNone].
package cgroup
