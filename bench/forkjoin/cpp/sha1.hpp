// The SHA-1 of a message that fits one block: up to 55 bytes.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace sha1 {
using Hash = std::array<uint8_t, 20>;
constexpr uint32_t kStart[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

inline uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

// portable is the compression of one block, from the starting value.
inline void portable(const uint8_t *block, uint32_t *out) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++) {
        uint32_t x;
        memcpy(&x, block + 4 * i, 4);
        w[i] = __builtin_bswap32(x);
    }
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = kStart[0], b = kStart[1], c = kStart[2], d = kStart[3], e = kStart[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else f = b ^ c ^ d, k = 0xca62c1d6;
        uint32_t t = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = t;
    }
    out[0] = kStart[0] + a, out[1] = kStart[1] + b, out[2] = kStart[2] + c, out[3] = kStart[3] + d, out[4] = kStart[4] + e;
}

#if defined(__x86_64__)
// quarter does twenty of the eighty rounds, four at a time.
template <int Q> __attribute__((target("sha,sse4.1"))) inline void quarter(__m128i &abcd, __m128i &before, __m128i *w) {
    for (int i = 5 * Q; i < 5 * Q + 5; i++) {
        __m128i &now = w[i & 3];
        if (i >= 4) {
            __m128i x = _mm_xor_si128(_mm_sha1msg1_epu32(now, w[(i + 1) & 3]), w[(i + 2) & 3]);
            now = _mm_sha1msg2_epu32(x, w[(i + 3) & 3]);
        }
        __m128i e = i == 0 ? _mm_add_epi32(before, now) : _mm_sha1nexte_epu32(before, now);
        before = abcd;
        abcd = _mm_sha1rnds4_epu32(abcd, e, Q);
    }
}

// hardware is the same with the processor's own instructions.
__attribute__((target("sha,sse4.1"))) inline void hardware(const uint8_t *block, uint32_t *out) {
    const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i w[4];
    for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(block) + i), swap);
    const __m128i start = _mm_set_epi32(int(kStart[0]), int(kStart[1]), int(kStart[2]), int(kStart[3]));
    const __m128i start_e = _mm_set_epi32(int(kStart[4]), 0, 0, 0);
    __m128i abcd = start, before = start_e;
    quarter<0>(abcd, before, w);
    quarter<1>(abcd, before, w);
    quarter<2>(abcd, before, w);
    quarter<3>(abcd, before, w);
    __m128i e = _mm_sha1nexte_epu32(before, start_e);
    abcd = _mm_add_epi32(abcd, start);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out), _mm_shuffle_epi32(abcd, 0x1b));
    out[4] = uint32_t(_mm_extract_epi32(e, 3));
}

inline bool has_hardware() {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}
#else
inline void hardware(const uint8_t *block, uint32_t *out) { portable(block, out); }
inline bool has_hardware() { return false; }
#endif

inline Hash sum(const uint8_t *message, size_t n) {
    static const bool fast = has_hardware();
    uint8_t block[64] = {};
    memcpy(block, message, n);
    block[n] = 0x80;
    block[63] = uint8_t(n * 8), block[62] = uint8_t(n * 8 >> 8);
    uint32_t words[5];
    if (fast) hardware(block, words);
    else portable(block, words);
    Hash h;
    for (int i = 0; i < 5; i++) {
        uint32_t x = __builtin_bswap32(words[i]);
        memcpy(h.data() + 4 * i, &x, 4);
    }
    return h;
}
}    // namespace sha1
