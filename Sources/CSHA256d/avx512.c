// Sixteen lanes in 512-bit vectors: three of them side by side where there is enough work.
#if defined(__x86_64__)
#include <immintrin.h>

#include "internal.h"

#define VEC __m512i
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2")))
#define FN ALWAYS_INLINE TARGET

FN VEC v_all(uint32_t x) { return _mm512_set1_epi32((int)x); }
FN VEC v_add(VEC x, VEC y) { return _mm512_add_epi32(x, y); }
FN VEC v_xor3(VEC x, VEC y, VEC z) { return _mm512_ternarylogic_epi32(x, y, z, 0x96); }
FN VEC v_ch(VEC e, VEC f, VEC g) { return _mm512_ternarylogic_epi32(e, f, g, 0xca); }
FN VEC v_maj(VEC a, VEC b, VEC c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }
#define v_ror(x, n) _mm512_ror_epi32(x, n)
#define v_shr(x, n) _mm512_srli_epi32(x, n)
FN VEC v_pin(VEC x) {
    __asm__("" : "+v"(x));
    return x;
}

/// Reverses the bytes of each word.
FN VEC v_swap(VEC x) {
    const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order));
}

FN unsigned v_at_most(VEC x, uint32_t limit) { return _mm512_cmple_epu32_mask(v_swap(x), v_all(limit)); }

#include "lanes_scan.h"

/// Turns each 4 x 4 square of words (one 128-bit lane of four vectors) over its diagonal.
FN void v_turn4(VEC *x) {
    VEC a = _mm512_unpacklo_epi32(x[0], x[1]), b = _mm512_unpackhi_epi32(x[0], x[1]);
    VEC c = _mm512_unpacklo_epi32(x[2], x[3]), d = _mm512_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm512_unpacklo_epi64(a, c), x[1] = _mm512_unpackhi_epi64(a, c);
    x[2] = _mm512_unpacklo_epi64(b, d), x[3] = _mm512_unpackhi_epi64(b, d);
}

/// Four words of sixteen rows. Lane l of vector i is row 4 l + i, so that the turn leaves row n in lane n.
FN void v_load_tails(VEC w[4], const uint8_t *rows, size_t stride) {
    UNROLL
    for (int i = 0; i < 4; i++) {
        const uint8_t *p = rows + (size_t)i * stride;
        VEC x = _mm512_castsi128_si512(_mm_loadu_si128((const void *)p));
        x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(p + 4 * stride)), 1);
        x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(p + 8 * stride)), 2);
        x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(p + 12 * stride)), 3);
        w[i] = v_swap(x);
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
            _mm_storeu_si128((void *)p, _mm512_castsi512_si128(y));
            _mm_storeu_si128((void *)(p + 4 * 32), _mm512_extracti32x4_epi32(y, 1));
            _mm_storeu_si128((void *)(p + 8 * 32), _mm512_extracti32x4_epi32(y, 2));
            _mm_storeu_si128((void *)(p + 12 * 32), _mm512_extracti32x4_epi32(y, 3));
        }
    }
}

#include "lanes_batch.h"

FN __m128i q_xor3(__m128i x, __m128i y, __m128i z) { return _mm_ternarylogic_epi32(x, y, z, 0x96); }
#define q_ror(x, n) _mm_ror_epi32(x, n)

#include "lone.h"

TARGET static void scan48(const struct scan *s, uint32_t nonce, uint64_t *masks) { v_scan(s, nonce, masks, 3); }
TARGET static void scan16(const struct scan *s, uint32_t nonce, uint64_t *masks) { v_scan(s, nonce, masks, 1); }
TARGET static void headers48(const uint8_t *headers, uint8_t *digests) { v_headers(headers, digests, 3); }
TARGET static void headers16(const uint8_t *headers, uint8_t *digests) { v_headers(headers, digests, 1); }
TARGET static void pairs48(const uint8_t *nodes, uint8_t *digests) { v_pairs(nodes, digests, 3); }
TARGET static void pairs16(const uint8_t *nodes, uint8_t *digests) { v_pairs(nodes, digests, 1); }

static int runs_here(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const struct kernel adit_avx512 = {
    .name = "avx512",
    .runs_here = runs_here,
    .compress = compress,
    .header = header,
    .tail = tail,
    .headers = {{48, headers48}, {16, headers16}},
    .pairs = {{48, pairs48}, {16, pairs16}},
    .scan = {{48, scan48}, {16, scan16}},
};
#endif
