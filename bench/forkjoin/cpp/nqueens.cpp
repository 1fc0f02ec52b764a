// Counts the ways to place n queens, a task for each place that isn't attacked.
#include <oneapi/tbb/task_group.h>

#include "common.hpp"

namespace {
constexpr int kRows = 16;

// The column of the queen of each row.
struct Board {
    int8_t col[kRows];

    // free tells whether a queen there would be attacked by none of the rows before.
    bool free(int row, int c) const {
        for (int r = 0; r < row; r++) {
            int d = row - r;
            if (col[r] == c || col[r] == c - d || col[r] == c + d) return false;
        }
        return true;
    }
};

// solutions uses one board for all, as whoever needs no copies would.
uint64_t solutions(Board &b, int row, int n) {
    if (row == n) return 1;
    uint64_t count = 0;
    for (int c = 0; c < n; c++) {
        if (!b.free(row, c)) continue;
        b.col[row] = int8_t(c);
        count += solutions(b, row + 1, n);
    }
    return count;
}

uint64_t total(const uint64_t *counts, int n) {
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) sum += counts[i];
    return sum;
}

uint64_t queens_tbb(const Board &b, int row, int n) {
    if (row == n) return 1;
    uint64_t counts[kRows] = {};
    tbb::task_group group;
    for (int c = 0; c < n; c++) {
        if (!b.free(row, c)) continue;
        Board next = b;
        next.col[row] = int8_t(c);
        group.run([&counts, next, c, row, n] { counts[c] = queens_tbb(next, row + 1, n); });
    }
    group.wait();
    return total(counts, n);
}

uint64_t queens_omp(const Board &b, int row, int n) {
    if (row == n) return 1;
    uint64_t counts[kRows] = {};
    for (int c = 0; c < n; c++) {
        if (!b.free(row, c)) continue;
        Board next = b;
        next.col[row] = int8_t(c);
#pragma omp task shared(counts) firstprivate(next)
        counts[c] = queens_omp(next, row + 1, n);
    }
#pragma omp taskwait
    return total(counts, n);
}

Job serial(size_t n) {
    return {[=] {
        Board b{};
        return solutions(b, 0, int(n));
    }};
}
template <uint64_t (*F)(const Board &, int, int)> Job job(size_t n) {
    return {[=] { return F(Board{}, 0, int(n)); }};
}
Add add("nqueens", 13, 7, serial, job<queens_tbb>, job<queens_omp>);
}    // namespace
