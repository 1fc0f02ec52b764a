// A sum over a binary tree: next to no work for each node. A thousand nodes show
// what starting costs, ten million what forking does.
#include <oneapi/tbb/parallel_invoke.h>

#include "common.hpp"

namespace {
struct Node {
    Node *left, *right;
    uint64_t value;
};

// make returns a balanced tree with the numbers from first to last. It stays
// until the process ends.
Node *make(long first, long last) {
    if (first > last) return nullptr;
    long middle = first + (last - first) / 2;
    Node *left = make(first, middle - 1);
    return new Node{left, make(middle + 1, last), uint64_t(middle)};
}

uint64_t serial(const Node *n) { return n ? serial(n->left) + n->value + serial(n->right) : 0; }

// The others fork where there are two children.
uint64_t by_tbb(const Node *n) {
    if (!n) return 0;
    if (!n->left || !n->right) return n->value + by_tbb(n->left) + by_tbb(n->right);
    uint64_t left, right;
    tbb::parallel_invoke([&] { left = by_tbb(n->left); }, [&] { right = by_tbb(n->right); });
    return left + n->value + right;
}

uint64_t by_omp(const Node *n) {
    if (!n) return 0;
    if (!n->left || !n->right) return n->value + by_omp(n->left) + by_omp(n->right);
    uint64_t left, right;
#pragma omp task shared(left)
    left = by_omp(n->left);
    right = by_omp(n->right);
#pragma omp taskwait
    return left + n->value + right;
}

template <uint64_t (*F)(const Node *)> Job job(size_t n) {
    Node *root = make(1, long(n));
    return {[=] { return F(root); }};
}
Add small("tree-1k", 1000, 100, job<serial>, job<by_tbb>, job<by_omp>);
Add large("tree-10m", 10'000'000, 1000, job<serial>, job<by_tbb>, job<by_omp>);
}    // namespace
