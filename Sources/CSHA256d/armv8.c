// The SHA-2 instructions of ARMv8: one stream for the shortest wait, two or four side by side for throughput.
#if defined(__aarch64__)
#include "internal.h"

#if defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__clang__)
#define TARGET __attribute__((target("sha2")))
#else
#define TARGET __attribute__((target("+crypto")))
#endif
#include <arm_neon.h>

#define FN ALWAYS_INLINE TARGET

struct state {
    uint32x4_t abcd, efgh;
};

FN struct state load_state(const uint32_t words[8]) { return (struct state){vld1q_u32(words), vld1q_u32(words + 4)}; }

FN uint32x4_t swap_bytes(uint32x4_t x) { return vreinterpretq_u32_u8(vrev32q_u8(vreinterpretq_u8_u32(x))); }
FN uint32x4_t load_words(const uint8_t *p) { return swap_bytes(vreinterpretq_u32_u8(vld1q_u8(p))); }
FN void store_words(uint8_t *p, uint32x4_t x) { vst1q_u8(p, vreinterpretq_u8_u32(swap_bytes(x))); }
FN uint32x4_t words(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3) {
    const uint32_t all[4] = {w0, w1, w2, w3};
    return vld1q_u32(all);
}

FN void four_rounds(struct state *s, uint32x4_t kw) {
    uint32x4_t abcd = s->abcd;
    s->abcd = vsha256hq_u32(abcd, s->efgh, kw);
    s->efgh = vsha256h2q_u32(s->efgh, abcd, kw);
}

/// Four rounds on each stream, with words 4 q to 4 q + 3 of its message, and the words that take their place.
FN void step(struct state *s, uint32x4_t m[][4], int streams, int q) {
    const uint32x4_t k = vld1q_u32(K + 4 * q);
    UNROLL
    for (int i = 0; i < streams; i++) {
        uint32x4_t *w = m[i], kw = vaddq_u32(w[q & 3], k);
        if (q < 12) {
            uint32x4_t next = vsha256su0q_u32(w[q & 3], w[(q + 1) & 3]);
            w[q & 3] = vsha256su1q_u32(next, w[(q + 2) & 3], w[(q + 3) & 3]);
        }
        four_rounds(&s[i], kw);
    }
}

FN void add_states(struct state *s, const struct state *other, int streams) {
    UNROLL
    for (int i = 0; i < streams; i++) {
        s[i].abcd = vaddq_u32(s[i].abcd, other[i].abcd);
        s[i].efgh = vaddq_u32(s[i].efgh, other[i].efgh);
    }
}

FN void compress_streams(struct state *s, uint32x4_t m[][4], int streams) {
    struct state before[4];
    UNROLL
    for (int i = 0; i < streams; i++) before[i] = s[i];
    UNROLL
    for (int q = 0; q < 16; q++) step(s, m, streams, q);
    add_states(s, before, streams);
}

/// The second hash: the states hold the first digests and receive the second ones.
FN void second_hash(struct state *s, int streams) {
    uint32x4_t m[4][4];
    UNROLL
    for (int i = 0; i < streams; i++) {
        m[i][0] = s[i].abcd, m[i][1] = s[i].efgh;
        m[i][2] = words(0x80000000, 0, 0, 0), m[i][3] = words(0, 0, 0, 256);
        s[i] = load_state(INITIAL);
    }
    compress_streams(s, m, streams);
}

FN void store_digests(const struct state *s, uint8_t *digests, int streams) {
    UNROLL
    for (int i = 0; i < streams; i++) {
        store_words(digests + 32 * i, s[i].abcd);
        store_words(digests + 32 * i + 16, s[i].efgh);
    }
}

/// The second block of a header, but for its first four words.
FN void set_padding(uint32x4_t m[4]) {
    m[1] = words(0x80000000, 0, 0, 0), m[2] = vdupq_n_u32(0), m[3] = words(0, 0, 0, 640);
}

/// The rest of a header's hash from its midstate, for tails `stride` bytes apart.
FN void finish(struct state *s, const uint8_t *tails, size_t stride, uint8_t *digests, int streams) {
    uint32x4_t m[4][4];
    UNROLL
    for (int i = 0; i < streams; i++) {
        m[i][0] = load_words(tails + (size_t)i * stride);
        set_padding(m[i]);
    }
    compress_streams(s, m, streams);
    second_hash(s, streams);
    store_digests(s, digests, streams);
}

/// The initial state after the first 64 bytes of each row.
FN void first_blocks(struct state *s, const uint8_t *rows, size_t stride, int streams) {
    uint32x4_t m[4][4];
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
    first_blocks(s, headers, 80, streams);
    finish(s, headers + 64, 80, digests, streams);
}

FN void hash_pairs(const uint8_t *nodes, uint8_t *digests, int streams) {
    struct state s[4], before[4];
    first_blocks(s, nodes, 64, streams);
    UNROLL
    for (int i = 0; i < streams; i++) before[i] = s[i];
    UNROLL
    for (int q = 0; q < 16; q++) {
        const uint32x4_t kw = vld1q_u32(PADDING_KW + 4 * q);
        UNROLL
        for (int i = 0; i < streams; i++) four_rounds(&s[i], kw);
    }
    add_states(s, before, streams);
    second_hash(s, streams);
    store_digests(s, digests, streams);
}

FN void scan_streams(const struct scan *scan, uint32_t nonce, uint64_t *masks, int streams) {
    for (size_t which = 0; which < scan->midstates; which++) {
        struct state s[4];
        uint32x4_t m[4][4];
        UNROLL
        for (int i = 0; i < streams; i++) {
            const uint32_t word = __builtin_bswap32(nonce + (uint32_t)i * scan->step);
            m[i][0] = words(scan->tail[0], scan->tail[1], scan->tail[2], word);
            set_padding(m[i]);
            s[i] = load_state(scan->midstate[which]);
        }
        compress_streams(s, m, streams);
        second_hash(s, streams);
        uint64_t mask = 0;
        UNROLL
        for (int i = 0; i < streams; i++) {
            const uint32_t top = __builtin_bswap32(vgetq_lane_u32(s[i].efgh, 3));
            mask |= (uint64_t)(top <= scan->top_limit) << i;
        }
        masks[which] = mask;
    }
}

TARGET static void compress(uint32_t state[8], const uint8_t *data, size_t blocks) {
    struct state s = load_state(state);
    for (; blocks > 0; blocks--, data += 64) {
        uint32x4_t m[1][4];
        UNROLL
        for (int j = 0; j < 4; j++) m[0][j] = load_words(data + 16 * j);
        compress_streams(&s, m, 1);
    }
    vst1q_u32(state, s.abcd);
    vst1q_u32(state + 4, s.efgh);
}

TARGET static void header(const uint8_t *header, uint8_t *digest) { hash_headers(header, digest, 1); }
TARGET static void tail(const uint32_t *midstate, const uint8_t *tail, uint8_t *digest) {
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
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & (1UL << 6)) != 0;  // HWCAP_SHA2
#else
    return 1;  // every other 64-bit ARM system that Swift runs on requires them
#endif
}

const struct kernel adit_armv8 = {
    .name = "armv8",
    .runs_here = runs_here,
    .compress = compress,
    .header = header,
    .tail = tail,
    .headers = {{4, headers4}, {2, headers2}},
    .pairs = {{4, pairs4}, {2, pairs2}},
    .scan = {{4, scan4}, {2, scan2}},
};
#endif
