// A thousand branches of one unit of work and one of a thousand units, which
// splits like the others: the ideal at two workers is half of the serial time.
#include <oneapi/tbb/parallel_invoke.h>

#include "common.hpp"

namespace {
constexpr long kBranches = 1001;
// The heavy branch: somewhere that is neither first, nor last, nor in the middle.
constexpr long kHeavy = 333;
// The units of the heavy branch are numbered apart from the others.
constexpr long kFirst = 10'000, kLast = kFirst + 1000;

// work is one unit: size dependent steps.
uint64_t work(uint64_t seed, long size) {
    for (long i = 0; i < size; i++) seed = mix(seed);
    return seed;
}

uint64_t serial(long lo, long hi, long unit) {
    uint64_t sum = 0;
    for (long i = lo; i < hi; i++) sum += i == kHeavy ? serial(kFirst, kLast, unit) : work(uint64_t(i), unit);
    return sum;
}

template <uint64_t (*F)(long, long, long)> uint64_t leaf(long i, long unit) {
    return i == kHeavy ? F(kFirst, kLast, unit) : work(uint64_t(i), unit);
}

uint64_t by_tbb(long lo, long hi, long unit) {
    if (hi - lo == 1) return leaf<by_tbb>(lo, unit);
    long middle = lo + (hi - lo) / 2;
    uint64_t left, right;
    tbb::parallel_invoke([&] { left = by_tbb(lo, middle, unit); }, [&] { right = by_tbb(middle, hi, unit); });
    return left + right;
}

uint64_t by_omp(long lo, long hi, long unit) {
    if (hi - lo == 1) return leaf<by_omp>(lo, unit);
    long middle = lo + (hi - lo) / 2;
    uint64_t left, right;
#pragma omp task shared(left)
    left = by_omp(lo, middle, unit);
    right = by_omp(middle, hi, unit);
#pragma omp taskwait
    return left + right;
}

template <uint64_t (*F)(long, long, long)> Job job(size_t unit) {
    return {[=] { return F(0, kBranches, long(unit)); }};
}
Add add("uneven", 5'000, 50, job<serial>, job<by_tbb>, job<by_omp>);
}    // namespace
