// The portable kernel: what every machine runs, and what the others are compared with.
#include "internal.h"

static int runs_here(void) { return 1; }

static void compress(uint32_t state[8], const uint8_t *data, size_t blocks) {
    uint32_t block[16];
    for (; blocks > 0; blocks--, data += 64) {
        for (int i = 0; i < 16; i++) block[i] = load_be(data + 4 * i);
        scalar_compress(state, block);
    }
}

static void tail(const uint32_t *midstate, const uint8_t *tail, uint8_t *digest) {
    scalar_tail(midstate, tail, digest);
}

static void header(const uint8_t *header, uint8_t *digest) {
    uint32_t state[8];
    memcpy(state, INITIAL, sizeof state);
    compress(state, header, 1);
    scalar_tail(state, header + 64, digest);
}

static void pair(const uint8_t *nodes, uint8_t *digest) {
    static const uint32_t padding[16] = {0x80000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 512};
    uint32_t first[8];
    memcpy(first, INITIAL, sizeof first);
    compress(first, nodes, 1);
    scalar_compress(first, padding);
    scalar_second_hash(first, digest);
}

// The scan runs four nonces side by side in 128-bit vectors, which every supported machine has (SSE2, NEON).
typedef uint32_t four __attribute__((vector_size(16), may_alias));
#define VEC four
#define LANES 4
#define TARGET
ALWAYS_INLINE four v_all(uint32_t x) { return (four){x, x, x, x}; }
ALWAYS_INLINE four v_add(four x, four y) { return x + y; }
ALWAYS_INLINE four v_xor3(four x, four y, four z) { return x ^ y ^ z; }
ALWAYS_INLINE four v_ch(four e, four f, four g) { return g ^ (e & (f ^ g)); }
ALWAYS_INLINE four v_maj(four a, four b, four c) { return (a & b) | (c & (a | b)); }
ALWAYS_INLINE four v_ror(four x, int n) { return (x >> n) | (x << (32 - n)); }
ALWAYS_INLINE four v_shr(four x, int n) { return x >> n; }
/// Keeps the compiler from putting sums into another order, where the order was chosen for speed.
ALWAYS_INLINE four v_pin(four x) { return x; }

/// The lanes whose bytes, read backwards as a number, are at most `limit`: bit n for lane n.
ALWAYS_INLINE unsigned v_at_most(four x, uint32_t limit) {
    unsigned mask = 0;
    for (int i = 0; i < 4; i++) mask |= (unsigned)(__builtin_bswap32(x[i]) <= limit) << i;
    return mask;
}

#include "lanes_scan.h"

static void scan4(const struct scan *scan, uint32_t nonce, uint64_t *masks) { v_scan(scan, nonce, masks, 1); }

const struct kernel adit_portable = {
    .name = "portable",
    .runs_here = runs_here,
    .compress = compress,
    .header = header,
    .tail = tail,
    .headers = {{1, header}, {1, header}},
    .pairs = {{1, pair}, {1, pair}},
    .scan = {{4, scan4}, {4, scan4}},
};
