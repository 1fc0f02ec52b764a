// Counts allocations: malloc and its relatives are defined here in front of
// glibc's, so that what the libraries allocate is counted too.
#include "allocs.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
}

namespace {
// Each thread counts on a cache line of its own, or the count itself would slow
// down those who allocate. Threads beyond the last slot share.
constexpr unsigned kSlots = 64;
struct alignas(64) Slot {
    std::atomic<uint64_t> n{0};
};
Slot slots[kSlots];
std::atomic<unsigned> threads{0};
thread_local Slot *mine = nullptr;

inline void count() {
    if (!mine) mine = &slots[threads.fetch_add(1, std::memory_order_relaxed) % kSlots];
    mine->n.fetch_add(1, std::memory_order_relaxed);
}
}    // namespace

extern "C" {
void *malloc(size_t n) {
    count();
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    count();
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    count();
    return __libc_realloc(p, n);
}
void *memalign(size_t align, size_t n) {
    count();
    return __libc_memalign(align, n);
}
void *aligned_alloc(size_t align, size_t n) { return memalign(align, n); }
int posix_memalign(void **p, size_t align, size_t n) {
    *p = memalign(align, n);
    return *p ? 0 : ENOMEM;
}
}

uint64_t allocs() {
    uint64_t sum = 0;
    for (auto &s : slots) sum += s.n.load(std::memory_order_relaxed);
    return sum;
}
