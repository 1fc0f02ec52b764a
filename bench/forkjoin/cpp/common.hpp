// What all C++ rows share: the table of rows, and the data that every language
// makes in the same way.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

// A job is one operation, and what is done before and after it, off the clock.
struct Job {
    std::function<uint64_t()> op;
    std::function<void()> reset = nullptr;        // null: nothing
    std::function<uint64_t()> check = nullptr;    // the answer; null: what op returned
};

// Where the operations are called.
enum class In {
    thread,    // on an ordinary thread
    arena,     // in an arena of oneTBB
    region,    // by a single thread of a parallel region of OpenMP
};

struct Row {
    const char *workload, *impl;
    In in;
    size_t size, quick;
    std::function<Job(size_t)> make;
};

std::vector<Row> &rows();

// Add in a static initialiser adds the three rows of a workload.
struct Add {
    Add(const char *workload, size_t size, size_t quick, std::function<Job(size_t)> serial,
        std::function<Job(size_t)> tbb, std::function<Job(size_t)> omp, In omp_in = In::region);
};

// mix is the output function of SplitMix64.
inline uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

// numbers returns n random numbers, always the same.
inline std::vector<int64_t> numbers(size_t n) {
    std::vector<int64_t> s(n);
    for (size_t i = 0; i < n; i++) s[i] = int64_t(mix(i));
    return s;
}

// digest depends on the order; 0 if it isn't ascending.
inline uint64_t digest(const std::vector<int64_t> &s) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s.size(); i++) {
        if (i > 0 && s[i - 1] > s[i]) return 0;
        sum += uint64_t(s[i]) * (i + 1);
    }
    return sum;
}
