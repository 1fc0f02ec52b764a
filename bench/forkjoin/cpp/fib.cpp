// fib without a cut-off: nothing but forks and joins.
#include <oneapi/tbb/parallel_invoke.h>

#include "common.hpp"

namespace {
long fib(long n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

long fib_tbb(long n) {
    if (n < 2) return n;
    long x, y;
    tbb::parallel_invoke([&] { x = fib_tbb(n - 1); }, [&] { y = fib_tbb(n - 2); });
    return x + y;
}

long fib_omp(long n) {
    if (n < 2) return n;
    long x, y;
#pragma omp task shared(x)
    x = fib_omp(n - 1);
    y = fib_omp(n - 2);
#pragma omp taskwait
    return x + y;
}

template <long (*F)(long)> Job job(size_t n) {
    return {[=] { return uint64_t(F(long(n))); }};
}
Add add("fib", 35, 20, job<fib>, job<fib_tbb>, job<fib_omp>);
}    // namespace
