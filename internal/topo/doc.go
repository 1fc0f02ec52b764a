// Package topo reads how the CPUs of this machine belong together: which share a
// core, a cache, memory or a socket, and so what it costs when work moves from one to
// another.
//
// The facts are from the kernel's documents ABI/stable/sysfs-devices-node,
// ABI/testing/sysfs-devices-system-cpu and admin-guide/cputopology.rst. Below
// /sys/devices/system there are:
//
//   - cpu/online: the CPUs that run.
//   - cpu/cpuN/topology/core_cpus_list, or thread_siblings_list in older kernels: the
//     CPUs that are threads of one core. physical_package_id: the socket.
//   - cpu/cpuN/cache/indexI/level and shared_cpu_list: who shares a cache.
//     Only those of instructions and of data in level 1 are apart.
//   - cpu/cpuN/cpu_capacity: how fast a CPU is, compared with 1024 for the fastest.
//   - node/online, node/nodeN/cpulist: the CPUs that are near a part of the memory.
//     node/nodeN/distance: how far that is from each online node, where 10 is itself.
//
// What isn't there is taken to be simple: a CPU is a core of its own, in the first
// socket, in the only node, without shared caches and as fast as any. So on systems
// without /sys, and in sandboxes that hide it, all CPUs are equally near.
package topo
