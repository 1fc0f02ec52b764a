// The trees of the Unbalanced Tree Search benchmark. Nobody can know the size of
// a subtree before it is there: a node's number of children comes from its random
// state, which is the SHA-1 of its parent's and of its place among its siblings.
#include <oneapi/tbb/task_group.h>

#include <algorithm>
#include <cmath>

#include "common.hpp"
#include "sha1.hpp"

namespace {
using State = sha1::Hash;

void put32(uint8_t *at, uint32_t x) {
    for (int i = 0; i < 4; i++) at[i] = uint8_t(x >> (24 - 8 * i));
}

State root(uint32_t seed) {
    uint8_t in[20] = {};
    put32(in + 16, seed);
    return sha1::sum(in, sizeof in);
}

State child(const State &s, uint32_t number) {
    uint8_t in[24];
    std::copy(s.begin(), s.end(), in);
    put32(in + 20, number);
    return sha1::sum(in, sizeof in);
}

// uniform returns the state's random number in [0, 1), of 31 bits.
double uniform(const State &s) {
    uint32_t x = uint32_t(s[16]) << 24 | uint32_t(s[17]) << 16 | uint32_t(s[18]) << 8 | s[19];
    return double(x & 0x7fffffff) / 2147483648.0;
}

// T1: geometric, ten levels deep, four children in the mean and 100 at most.
struct T1 {
    static constexpr uint32_t seed = 19;
    int depth;
    double log_stop;
    explicit T1(size_t depth) : depth(int(depth)), log_stop(std::log(1 - 1 / (1 + 4.0))) {}
    int children(double random, int at) const {
        return at >= depth ? 0 : std::min(int(std::floor(std::log(1 - random) / log_stop)), 100);
    }
};

// T3: binomial, 2,000 children of the root, eight or none of the others.
struct T3 {
    static constexpr uint32_t seed = 42;
    int width;
    explicit T3(size_t width) : width(int(width)) {}
    int children(double random, int at) const { return at == 0 ? width : random < 0.124875 ? 8 : 0; }
};

template <class Tree> uint64_t count(const Tree &tree, const State &s, int depth) {
    uint64_t nodes = 1;
    int n = tree.children(uniform(s), depth);
    for (int i = 0; i < n; i++) nodes += count(tree, child(s, uint32_t(i)), depth + 1);
    return nodes;
}

uint64_t total(const std::vector<uint64_t> &counts) {
    uint64_t nodes = 1;
    for (uint64_t c : counts) nodes += c;
    return nodes;
}

template <class Tree> uint64_t count_tbb(const Tree &tree, const State &s, int depth) {
    int n = tree.children(uniform(s), depth);
    if (n == 0) return 1;
    std::vector<uint64_t> counts(n);
    tbb::task_group group;
    for (int i = 0; i < n; i++) group.run([&, i] { counts[i] = count_tbb(tree, child(s, uint32_t(i)), depth + 1); });
    group.wait();
    return total(counts);
}

template <class Tree> uint64_t count_omp(const Tree &tree, const State &s, int depth) {
    int n = tree.children(uniform(s), depth);
    if (n == 0) return 1;
    std::vector<uint64_t> counts(n);
    for (int i = 0; i < n; i++) {
#pragma omp task shared(counts, tree, s)
        counts[i] = count_omp(tree, child(s, uint32_t(i)), depth + 1);
    }
#pragma omp taskwait
    return total(counts);
}

template <class Tree, uint64_t (*F)(const Tree &, const State &, int)> Job job(size_t size) {
    return {[tree = Tree(size)] { return F(tree, root(Tree::seed), 0); }};
}
Add t1("uts-t1", 10, 5, job<T1, count<T1>>, job<T1, count_tbb<T1>>, job<T1, count_omp<T1>>);
Add t3("uts-t3", 2000, 10, job<T3, count<T3>>, job<T3, count_tbb<T3>>, job<T3, count_omp<T3>>);
}    // namespace
