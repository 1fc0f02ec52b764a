// Sorts by halves and merges by halves too, so that both have tasks.
#include <oneapi/tbb/parallel_invoke.h>

#include <algorithm>
#include <memory>

#include "common.hpp"

namespace {
using It = int64_t *;

// The most elements that one task sorts or merges: some ten microseconds, which
// is hundreds of times what the dearest fork costs.
constexpr size_t kGrain = 1024;
// Up to where insertion sort is the fastest.
constexpr size_t kInsertion = 32;

void insertion_sort(It s, size_t n) {
    for (size_t i = 1; i < n; i++) {
        int64_t x = s[i];
        size_t j = i;
        for (; j > 0 && s[j - 1] > x; j--) s[j] = s[j - 1];
        s[j] = x;
    }
}

// serial sorts s; the result is in scratch if that is asked for, else in s.
void serial(It s, It scratch, size_t n, bool to_scratch) {
    if (n <= kInsertion) {
        insertion_sort(s, n);
        if (to_scratch) std::copy(s, s + n, scratch);
        return;
    }
    size_t h = n / 2;
    serial(s, scratch, h, !to_scratch);
    serial(s + h, scratch + h, n - h, !to_scratch);
    It from = to_scratch ? s : scratch, to = to_scratch ? scratch : s;
    std::merge(from, from + h, from + h, from + n, to);
}

// split returns where to cut two sorted parts, so that nothing after the cuts is
// smaller than what is before. The longer is cut in half.
std::pair<size_t, size_t> split(It a, size_t na, It b, size_t nb) {
    if (na < nb) {
        auto [j, i] = split(b, nb, a, na);
        return {i, j};
    }
    return {na / 2, std::lower_bound(b, b + nb, a[na / 2]) - b};
}

void merge_tbb(It a, size_t na, It b, size_t nb, It out) {
    if (na + nb <= kGrain) {
        std::merge(a, a + na, b, b + nb, out);
        return;
    }
    auto [i, j] = split(a, na, b, nb);
    tbb::parallel_invoke([=, i = i, j = j] { merge_tbb(a, i, b, j, out); },
                         [=, i = i, j = j] { merge_tbb(a + i, na - i, b + j, nb - j, out + i + j); });
}

void sort_tbb(It s, It scratch, size_t n, bool to_scratch) {
    if (n <= kGrain) return serial(s, scratch, n, to_scratch);
    size_t h = n / 2;
    tbb::parallel_invoke([=] { sort_tbb(s, scratch, h, !to_scratch); },
                         [=] { sort_tbb(s + h, scratch + h, n - h, !to_scratch); });
    It from = to_scratch ? s : scratch, to = to_scratch ? scratch : s;
    merge_tbb(from, h, from + h, n - h, to);
}

void merge_omp(It a, size_t na, It b, size_t nb, It out) {
    if (na + nb <= kGrain) {
        std::merge(a, a + na, b, b + nb, out);
        return;
    }
    auto cut = split(a, na, b, nb);
    size_t i = cut.first, j = cut.second;
#pragma omp task
    merge_omp(a, i, b, j, out);
    merge_omp(a + i, na - i, b + j, nb - j, out + i + j);
#pragma omp taskwait
}

void sort_omp(It s, It scratch, size_t n, bool to_scratch) {
    if (n <= kGrain) return serial(s, scratch, n, to_scratch);
    size_t h = n / 2;
#pragma omp task
    sort_omp(s, scratch, h, !to_scratch);
    sort_omp(s + h, scratch + h, n - h, !to_scratch);
#pragma omp taskwait
    It from = to_scratch ? s : scratch, to = to_scratch ? scratch : s;
    merge_omp(from, h, from + h, n - h, to);
}

struct Data {
    std::vector<int64_t> input, s, scratch;
    explicit Data(size_t n) : input(numbers(n)), s(n), scratch(n) {}
};

template <void (*F)(It, It, size_t, bool)> Job job(size_t n) {
    auto d = std::make_shared<Data>(n);
    return {[=] { return F(d->s.data(), d->scratch.data(), n, false), 0; }, [=] { d->s = d->scratch = d->input; },
            [=] { return digest(d->s); }};
}
Add add("mergesort", 10'000'000, 10'000, job<serial>, job<sort_tbb>, job<sort_omp>);
}    // namespace
