// A loop over a million bodies of some nanoseconds each, and the sort that each
// library offers.
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_sort.h>

#include <algorithm>
#include <memory>
#include <parallel/algorithm>

#include "common.hpp"

namespace {
using Numbers = std::vector<uint64_t>;
using Ints = std::vector<int64_t>;

void for_serial(Numbers &out) {
    for (size_t i = 0; i < out.size(); i++) out[i] = mix(i);
}

void for_tbb(Numbers &out) {
    tbb::parallel_for(tbb::blocked_range<size_t>(0, out.size()), [&](const auto &r) {
        for (size_t i = r.begin(); i != r.end(); i++) out[i] = mix(i);
    });
}

void for_omp(Numbers &out) {
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < out.size(); i++) out[i] = mix(i);
}

template <void (*F)(Numbers &)> Job for_job(size_t n) {
    auto out = std::make_shared<Numbers>(n);
    return {[=] { return F(*out), 0; }, nullptr, [=] {
                uint64_t sum = 0;
                for (uint64_t x : *out) sum += x;
                return sum;
            }};
}
Add add_for("for", 1'000'000, 10'000, for_job<for_serial>, for_job<for_tbb>, for_job<for_omp>, In::thread);

void sort_serial(Ints &s) { std::sort(s.begin(), s.end()); }
void sort_tbb(Ints &s) { tbb::parallel_sort(s.begin(), s.end()); }
void sort_omp(Ints &s) { __gnu_parallel::sort(s.begin(), s.end()); }

template <void (*F)(Ints &)> Job sort_job(size_t n) {
    auto input = std::make_shared<Ints>(numbers(n)), s = std::make_shared<Ints>(n);
    return {[=] { return F(*s), 0; }, [=] { *s = *input; }, [=] { return digest(*s); }};
}
Add add_sort("sort", 10'000'000, 10'000, sort_job<sort_serial>, sort_job<sort_tbb>, sort_job<sort_omp>, In::thread);
}    // namespace
