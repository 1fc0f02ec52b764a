// A tree of tasks, ten wide, whose leaves answer with their numbers and whose
// other nodes with the sum of their children.
#include <oneapi/tbb/task_group.h>

#include "common.hpp"

namespace {
constexpr int kWidth = 10;

uint64_t skynet(uint64_t first, uint64_t leaves) {
    if (leaves == 1) return first;
    uint64_t sum = 0, below = leaves / kWidth;
    for (int i = 0; i < kWidth; i++) sum += skynet(first + i * below, below);
    return sum;
}

uint64_t total(const uint64_t (&sums)[kWidth]) {
    uint64_t sum = 0;
    for (uint64_t s : sums) sum += s;
    return sum;
}

uint64_t skynet_tbb(uint64_t first, uint64_t leaves) {
    if (leaves == 1) return first;
    uint64_t sums[kWidth], below = leaves / kWidth;
    tbb::task_group group;
    for (int i = 0; i < kWidth - 1; i++) group.run([&sums, i, first, below] { sums[i] = skynet_tbb(first + i * below, below); });
    sums[kWidth - 1] = skynet_tbb(first + (kWidth - 1) * below, below);
    group.wait();
    return total(sums);
}

uint64_t skynet_omp(uint64_t first, uint64_t leaves) {
    if (leaves == 1) return first;
    uint64_t sums[kWidth], below = leaves / kWidth;
    for (int i = 0; i < kWidth - 1; i++) {
#pragma omp task shared(sums)
        sums[i] = skynet_omp(first + i * below, below);
    }
    sums[kWidth - 1] = skynet_omp(first + (kWidth - 1) * below, below);
#pragma omp taskwait
    return total(sums);
}

template <uint64_t (*F)(uint64_t, uint64_t)> Job job(size_t leaves) {
    return {[=] { return F(0, leaves); }};
}
Add add("skynet", 1'000'000, 10'000, job<skynet>, job<skynet_tbb>, job<skynet_omp>);
}    // namespace
