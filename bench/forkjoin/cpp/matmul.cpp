// Multiplies square matrices by quadrants. The elements are small whole numbers,
// so that the sums are exact and the answer is the same in every order.
#include <oneapi/tbb/parallel_invoke.h>

#include <algorithm>
#include <memory>

#include "common.hpp"

namespace {
// Where the recursion ends: three blocks of 32 × 32 doubles take 24 KiB and stay
// in a first-level cache of 32 KiB.
constexpr size_t kBlock = 32;

// A square part of a matrix, whose rows are stride apart.
struct View {
    double *data;
    size_t stride;
    View quadrant(size_t i, size_t j, size_t half) const { return {data + i * half * stride + j * half, stride}; }
};

void add_block(View c, View a, View b, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            double x = a.data[i * a.stride + k];
            double *__restrict row = c.data + i * c.stride;
            const double *__restrict other = b.data + k * b.stride;
            for (size_t j = 0; j < n; j++) row[j] += x * other[j];
        }
}

void serial(View c, View a, View b, size_t n) {
    if (n <= kBlock) return add_block(c, a, b, n);
    size_t h = n / 2;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++) serial(c.quadrant(i, j, h), a.quadrant(i, k, h), b.quadrant(k, j, h), h);
}

void by_tbb(View c, View a, View b, size_t n) {
    if (n <= kBlock) return add_block(c, a, b, n);
    size_t h = n / 2;
    for (int k = 0; k < 2; k++) {
        auto part = [=](int i, int j) { by_tbb(c.quadrant(i, j, h), a.quadrant(i, k, h), b.quadrant(k, j, h), h); };
        tbb::parallel_invoke([=] { part(0, 0); }, [=] { part(0, 1); }, [=] { part(1, 0); }, [=] { part(1, 1); });
    }
}

void by_omp(View c, View a, View b, size_t n) {
    if (n <= kBlock) return add_block(c, a, b, n);
    size_t h = n / 2;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++) {
#pragma omp task if (i + j < 2)
                by_omp(c.quadrant(i, j, h), a.quadrant(i, k, h), b.quadrant(k, j, h), h);
            }
#pragma omp taskwait
    }
}

struct Data {
    size_t n;
    std::vector<double> a, b, c;
    explicit Data(size_t n) : n(n), a(n * n), b(n * n), c(n * n) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                a[i * n + j] = double((i * 7 + j * 3) % 10);
                b[i * n + j] = double((i * 5 + j * 11) % 10);
            }
    }
    uint64_t digest() const {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) sum += uint64_t(c[i * n + j]) * (i * 31 + j * 17 + 1);
        return sum;
    }
};

template <void (*F)(View, View, View, size_t)> Job job(size_t n) {
    auto d = std::make_shared<Data>(n);
    return {[=] { return F({d->c.data(), n}, {d->a.data(), n}, {d->b.data(), n}, n), 0; },
            [=] { std::fill(d->c.begin(), d->c.end(), 0); }, [=] { return d->digest(); }};
}
Add add("matmul", 1024, 64, job<serial>, job<by_tbb>, job<by_omp>);
}    // namespace
