// The SHA extensions of x86: one stream for the shortest wait, two or four side by side for throughput.
#if defined(__x86_64__)
#include "internal.h"

#ifdef ADIT_SHA_INTRINSICS
// A test on machines without the extensions brings its own definition of the three instructions.
#include ADIT_SHA_INTRINSICS
#else
#include <immintrin.h>
#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#endif
#define FN ALWAYS_INLINE TARGET

// sha256rnds2 has no VEX form. Where other code left the upper halves of the vector registers in use, it would wait for
// them at each step, so every function that is called from outside clears them first.
#ifdef ADIT_SHA_INTRINSICS
static void clear_upper_halves(void) {}
#else
__attribute__((target("avx"))) static void vzeroupper(void) { _mm256_zeroupper(); }
static void nothing(void) {}
static void (*clear_upper_halves)(void) = nothing;
#endif

/// The state as the instructions want it: a, b, e, f in one register and c, d, g, h in the other, a and c highest.
struct state {
    __m128i abef, cdgh;
};

FN struct state load_state(const uint32_t words[8]) {
    __m128i abcd = _mm_loadu_si128((const void *)words), efgh = _mm_loadu_si128((const void *)(words + 4));
    __m128i badc = _mm_shuffle_epi32(abcd, 0xb1), hgfe = _mm_shuffle_epi32(efgh, 0x1b);
    return (struct state){_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0)};
}

/// The state's words in their order, four to a register.
FN void words_of(struct state s, __m128i *abcd, __m128i *efgh) {
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);
    *abcd = _mm_blend_epi16(feba, dchg, 0xf0);
    *efgh = _mm_alignr_epi8(dchg, feba, 8);
}

FN __m128i swap_bytes(__m128i x) {
    return _mm_shuffle_epi8(x, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
}

FN __m128i load_words(const uint8_t *p) { return swap_bytes(_mm_loadu_si128((const void *)p)); }

/// Rounds r and r + 1 of the four whose words plus K are `kw`.
FN void two_rounds(struct state *s, __m128i kw) {
    __m128i old = s->abef;
    s->abef = _mm_sha256rnds2_epu32(s->cdgh, s->abef, kw);
    s->cdgh = old;
}

/// Four rounds on each stream, with words 4 q to 4 q + 3 of its message, and the words that take their place.
/// `skip` leaves out the first or last two rounds (1, 2): they were done before, or nobody needs them.
FN void four_rounds(struct state *s, __m128i m[][4], int streams, int q, int skip) {
    const __m128i k = _mm_loadu_si128((const void *)(K + 4 * q));
    UNROLL
    for (int i = 0; i < streams; i++) {
        __m128i *w = m[i];
        __m128i kw = _mm_add_epi32(w[q & 3], k);
        if (skip != 1) two_rounds(&s[i], kw);
        if (q < 12) {
            // Word t + 16 is word t + s0(t + 1) (msg1), + word t + 9 (alignr), + s1(t + 14) (msg2).
            __m128i next = _mm_sha256msg1_epu32(w[q & 3], w[(q + 1) & 3]);
            next = _mm_add_epi32(next, _mm_alignr_epi8(w[(q + 3) & 3], w[(q + 2) & 3], 4));
            w[q & 3] = _mm_sha256msg2_epu32(next, w[(q + 3) & 3]);
        }
        if (skip != 2) two_rounds(&s[i], _mm_shuffle_epi32(kw, 0x0e));
    }
}

FN void add_states(struct state *s, const struct state *other, int streams) {
    UNROLL
    for (int i = 0; i < streams; i++) {
        s[i].abef = _mm_add_epi32(s[i].abef, other[i].abef);
        s[i].cdgh = _mm_add_epi32(s[i].cdgh, other[i].cdgh);
    }
}

/// One compression of each stream's block; the states receive the sums.
FN void compress_streams(struct state *s, __m128i m[][4], int streams) {
    struct state before[4];
    UNROLL
    for (int i = 0; i < streams; i++) before[i] = s[i];
    UNROLL
    for (int q = 0; q < 16; q++) four_rounds(s, m, streams, q, 0);
    add_states(s, before, streams);
}

/// The block of the second hash: the digest of the first, and its padding.
FN void second_block(const struct state *s, __m128i m[][4], int streams) {
    UNROLL
    for (int i = 0; i < streams; i++) {
        words_of(s[i], &m[i][0], &m[i][1]);
        m[i][2] = _mm_set_epi32(0, 0, 0, (int)0x80000000);
        m[i][3] = _mm_set_epi32(256, 0, 0, 0);
    }
}

FN void second_hash(struct state *s, uint8_t *digests, int streams) {
    __m128i m[4][4];
    second_block(s, m, streams);
    UNROLL
    for (int i = 0; i < streams; i++) s[i] = load_state(INITIAL);
    compress_streams(s, m, streams);
    UNROLL
    for (int i = 0; i < streams; i++) {
        __m128i abcd, efgh;
        words_of(s[i], &abcd, &efgh);
        _mm_storeu_si128((void *)(digests + 32 * i), swap_bytes(abcd));
        _mm_storeu_si128((void *)(digests + 32 * i + 16), swap_bytes(efgh));
    }
}

/// The rest of a header's hash from its midstate, for tails `stride` bytes apart.
FN void finish(struct state *s, const uint8_t *tails, size_t stride, uint8_t *digests, int streams) {
    __m128i m[4][4];
    UNROLL
    for (int i = 0; i < streams; i++) {
        m[i][0] = load_words(tails + (size_t)i * stride);
        m[i][1] = _mm_set_epi32(0, 0, 0, (int)0x80000000);
        m[i][2] = _mm_setzero_si128();
        m[i][3] = _mm_set_epi32(640, 0, 0, 0);
    }
    compress_streams(s, m, streams);
    second_hash(s, digests, streams);
}

/// The initial state after the first 64 bytes of each row.
FN void first_blocks(struct state *s, const uint8_t *rows, size_t stride, int streams) {
    __m128i m[4][4];
    UNROLL
    for (int i = 0; i < streams; i++) {
        s[i] = load_state(INITIAL);
        UNROLL
        for (int j = 0; j < 4; j++) m[i][j] = load_words(rows + (size_t)i * stride + 16 * j);
    }
    compress_streams(s, m, streams);
}

FN void hash_headers(const uint8_t *headers, uint8_t *digests, int streams) {
    struct state s[4];
    clear_upper_halves();
    first_blocks(s, headers, 80, streams);
    finish(s, headers + 64, 80, digests, streams);
}

FN void hash_pairs(const uint8_t *nodes, uint8_t *digests, int streams) {
    struct state s[4], before[4];
    clear_upper_halves();
    first_blocks(s, nodes, 64, streams);
    UNROLL
    for (int i = 0; i < streams; i++) before[i] = s[i];
    UNROLL
    for (int q = 0; q < 16; q++) {
        const __m128i kw = _mm_loadu_si128((const void *)(PADDING_KW + 4 * q));
        UNROLL
        for (int i = 0; i < streams; i++) {
            two_rounds(&s[i], kw);
            two_rounds(&s[i], _mm_shuffle_epi32(kw, 0x0e));
        }
    }
    add_states(s, before, streams);
    second_hash(s, digests, streams);
}

FN void scan_streams(const struct scan *scan, uint32_t nonce, uint64_t *masks, int streams) {
    clear_upper_halves();
    for (size_t which = 0; which < scan->midstates; which++) {
        const struct state midstate = load_state(scan->midstate[which]), started = load_state(scan->after2[which]);
        struct state s[4];
        __m128i m[4][4];
        UNROLL
        for (int i = 0; i < streams; i++) {
            const uint32_t word = __builtin_bswap32(nonce + (uint32_t)i * scan->step);
            m[i][0] = _mm_set_epi32((int)word, (int)scan->tail[2], (int)scan->tail[1], (int)scan->tail[0]);
            m[i][1] = _mm_set_epi32(0, 0, 0, (int)0x80000000);
            m[i][2] = _mm_setzero_si128();
            m[i][3] = _mm_set_epi32(640, 0, 0, 0);
            s[i] = started;
        }
        four_rounds(s, m, streams, 0, 1);
        UNROLL
        for (int q = 1; q < 16; q++) four_rounds(s, m, streams, q, 0);
        UNROLL
        for (int i = 0; i < streams; i++) {
            s[i].abef = _mm_add_epi32(s[i].abef, midstate.abef);
            s[i].cdgh = _mm_add_epi32(s[i].cdgh, midstate.cdgh);
        }
        second_block(s, m, streams);
        UNROLL
        for (int i = 0; i < streams; i++) s[i] = load_state(INITIAL);
        UNROLL
        for (int q = 0; q < 15; q++) four_rounds(s, m, streams, q, 0);
        // After 62 rounds the f is what h will be after 64: the last two rounds only move it.
        four_rounds(s, m, streams, 15, 2);
        uint64_t mask = 0;
        UNROLL
        for (int i = 0; i < streams; i++) {
            const uint32_t last = (uint32_t)_mm_cvtsi128_si32(s[i].abef) + INITIAL[7];
            mask |= (uint64_t)(__builtin_bswap32(last) <= scan->top_limit) << i;
        }
        masks[which] = mask;
    }
}

TARGET static void compress(uint32_t words[8], const uint8_t *data, size_t blocks) {
    clear_upper_halves();
    struct state s = load_state(words);
    for (; blocks > 0; blocks--, data += 64) {
        __m128i m[1][4];
        UNROLL
        for (int j = 0; j < 4; j++) m[0][j] = load_words(data + 16 * j);
        compress_streams(&s, m, 1);
    }
    __m128i abcd, efgh;
    words_of(s, &abcd, &efgh);
    _mm_storeu_si128((void *)words, abcd);
    _mm_storeu_si128((void *)(words + 4), efgh);
}

TARGET static void header(const uint8_t *header, uint8_t *digest) { hash_headers(header, digest, 1); }
TARGET static void tail(const uint32_t *midstate, const uint8_t *tail, uint8_t *digest) {
    clear_upper_halves();
    struct state s = load_state(midstate);
    finish(&s, tail, 16, digest, 1);
}
TARGET static void headers4(const uint8_t *headers, uint8_t *digests) { hash_headers(headers, digests, 4); }
TARGET static void headers2(const uint8_t *headers, uint8_t *digests) { hash_headers(headers, digests, 2); }
TARGET static void pairs4(const uint8_t *nodes, uint8_t *digests) { hash_pairs(nodes, digests, 4); }
TARGET static void pairs2(const uint8_t *nodes, uint8_t *digests) { hash_pairs(nodes, digests, 2); }
TARGET static void scan4(const struct scan *s, uint32_t nonce, uint64_t *masks) { scan_streams(s, nonce, masks, 4); }
TARGET static void scan2(const struct scan *s, uint32_t nonce, uint64_t *masks) { scan_streams(s, nonce, masks, 2); }

static int runs_here(void) {
#ifdef ADIT_SHA_INTRINSICS
    return 1;
#else
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx")) clear_upper_halves = vzeroupper;
    return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
#endif
}

const struct kernel adit_shani = {
    .name = "shani",
    .runs_here = runs_here,
    .compress = compress,
    .header = header,
    .tail = tail,
    .headers = {{4, headers4}, {2, headers2}},
    .pairs = {{4, pairs4}, {2, pairs2}},
    .scan = {{4, scan4}, {2, scan2}},
};
#endif
