// Eight lanes in 256-bit vectors; one header alone takes the scalar rounds, with the rotations of BMI2.
#if defined(__x86_64__)
#include <immintrin.h>

#include "internal.h"

#define VEC __m256i
#define LANES 8
#define TARGET __attribute__((target("avx2,bmi,bmi2")))
#define FN ALWAYS_INLINE TARGET

FN VEC v_all(uint32_t x) { return _mm256_set1_epi32((int)x); }
FN VEC v_add(VEC x, VEC y) { return _mm256_add_epi32(x, y); }
FN VEC v_xor3(VEC x, VEC y, VEC z) { return _mm256_xor_si256(_mm256_xor_si256(x, y), z); }
FN VEC v_ch(VEC e, VEC f, VEC g) { return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g))); }
FN VEC v_maj(VEC a, VEC b, VEC c) {
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
}
FN VEC v_ror(VEC x, int n) { return _mm256_or_si256(_mm256_srli_epi32(x, n), _mm256_slli_epi32(x, 32 - n)); }
FN VEC v_shr(VEC x, int n) { return _mm256_srli_epi32(x, n); }
FN VEC v_pin(VEC x) { return x; }

/// Reverses the bytes of each word.
FN VEC v_swap(VEC x) {
    const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(order));
}

FN unsigned v_at_most(VEC x, uint32_t limit) {
    VEC top = v_swap(x);
    VEC fits = _mm256_cmpeq_epi32(_mm256_min_epu32(top, v_all(limit)), top);
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(fits));
}

#include "lanes_scan.h"

/// Turns each 4 x 4 square of words (one 128-bit lane of four vectors) over its diagonal.
FN void v_turn4(VEC *x) {
    VEC a = _mm256_unpacklo_epi32(x[0], x[1]), b = _mm256_unpackhi_epi32(x[0], x[1]);
    VEC c = _mm256_unpacklo_epi32(x[2], x[3]), d = _mm256_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm256_unpacklo_epi64(a, c), x[1] = _mm256_unpackhi_epi64(a, c);
    x[2] = _mm256_unpacklo_epi64(b, d), x[3] = _mm256_unpackhi_epi64(b, d);
}

/// Four words of eight rows. Lane l of vector i is row 4 l + i, so that the turn leaves row n in lane n.
FN void v_load_tails(VEC w[4], const uint8_t *rows, size_t stride) {
    UNROLL
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = rows + (size_t)i * stride;
        VEC x = _mm256_castsi128_si256(_mm_loadu_si128((const void *)p));
        w[i] = v_swap(_mm256_inserti128_si256(x, _mm_loadu_si128((const void *)(p + 4 * stride)), 1));
    }
    v_turn4(w);
}

FN void v_load_rows(VEC w[16], const uint8_t *rows, size_t stride) {
    UNROLL
    for (int i = 0; i < 16; i += 4) v_load_tails(w + i, rows + 4 * i, stride);
}

FN void v_store_digests(VEC x[8], uint8_t *digests) {
    UNROLL
    for (int half = 0; half < 2; half++) {
        v_turn4(x + 4 * half);
        UNROLL
        for (int i = 0; i < 4; i++) {
            VEC y = v_swap(x[4 * half + i]);
            uint8_t *p = digests + 32 * i + 16 * half;
            _mm_storeu_si128((void *)p, _mm256_castsi256_si128(y));
            _mm_storeu_si128((void *)(p + 4 * 32), _mm256_extracti128_si256(y, 1));
        }
    }
}

#include "lanes_batch.h"

FN __m128i q_xor3(__m128i x, __m128i y, __m128i z) { return _mm_xor_si128(_mm_xor_si128(x, y), z); }
#define q_ror(x, n) _mm_or_si128(_mm_srli_epi32(x, n), _mm_slli_epi32(x, 32 - (n)))

#include "lone.h"

TARGET static void scan8(const struct scan *s, uint32_t nonce, uint64_t *masks) { v_scan(s, nonce, masks, 1); }
TARGET static void headers8(const uint8_t *headers, uint8_t *digests) { v_headers(headers, digests, 1); }
TARGET static void pairs8(const uint8_t *nodes, uint8_t *digests) { v_pairs(nodes, digests, 1); }

static int runs_here(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const struct kernel adit_avx2 = {
    .name = "avx2",
    .runs_here = runs_here,
    .compress = compress,
    .header = header,
    .tail = tail,
    .headers = {{8, headers8}, {8, headers8}},
    .pairs = {{8, pairs8}, {8, pairs8}},
    .scan = {{8, scan8}, {8, scan8}},
};
#endif
