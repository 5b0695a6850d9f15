// What the kernels share: the constants, scalar rounds, and the table through which dispatch.c reaches them.
#ifndef ADIT_CSHA256D_INTERNAL_H
#define ADIT_CSHA256D_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline, unused))
#define HIDDEN __attribute__((visibility("hidden")))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define KEEP_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#define KEEP_ROLLED _Pragma("GCC unroll 1")
#endif

enum { MIDSTATES = 8 };

/// FIPS 180-4, section 4.2.2.
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/// FIPS 180-4, section 5.3.3.
static const uint32_t INITIAL[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
/// K plus the message schedule of the padding block that follows exactly 64 bytes.
static const uint32_t PADDING_KW[64] = {
    0xc28a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf374,
    0x649b69c1, 0xf0fe4786, 0x0fe1edc6, 0x240cf254, 0x4fe9346f, 0x6cc984be, 0x61b9411e, 0x16f988fa,
    0xf2c65152, 0xa88e5a6d, 0xb019fc65, 0xb9d99ec7, 0x9a1231c3, 0xe70eeaa0, 0xfdb1232b, 0xc7353eb0,
    0x3069bad5, 0xcb976d5f, 0x5a0f118f, 0xdc1eeefd, 0x0a35b689, 0xde0b7a04, 0x58f4ca9d, 0xe15d5b16,
    0x007f3e86, 0x37088980, 0xa507ea32, 0x6fab9537, 0x17406110, 0x0d8cd6f1, 0xcdaa3b6d, 0xc0bbbe37,
    0x83613bda, 0xdb48a363, 0x0b02e931, 0x6fd15ca7, 0x521afaca, 0x31338431, 0x6ed41a95, 0x6d437890,
    0xc39c91f2, 0x9eccabbd, 0xb5c9a0e6, 0x532fb63c, 0xd2c741c6, 0x07237ea3, 0xa4954b68, 0x4c191d76,
};

/// A search as the kernels see it: what no nonce changes is worked out once, by adit_prepare.
struct scan {
    /// Words 16, 17 and 18 of the header (bytes 64 to 75), big-endian as the hash reads them.
    uint32_t tail[3];
    uint32_t step, top_limit;
    /// Schedule words 16 and 17, and the parts of 18, 19, 31 and 32 that hold no nonce.
    uint32_t w16, w17, part18, part19, part31, part32;
    size_t midstates;
    uint32_t midstate[MIDSTATES][8];
    /// The states after two and after three rounds, a to h.
    uint32_t after2[MIDSTATES][8], after3[MIDSTATES][8];
    /// Round 3 without its nonce: what it adds up for the new a and the new e.
    uint32_t a4[MIDSTATES], e4[MIDSTATES];
};

/// Hashes exactly `lanes` headers of 80 bytes, or pairs of nodes of 64, to 32 bytes each. All input is read before
/// output is written.
struct batch {
    size_t lanes;
    void (*run)(const uint8_t *input, uint8_t *digests);
};

/// Tries `lanes` nonces: nonce, nonce + step, ... Bit n of masks[m] tells whether trial n met the limit with midstate m.
struct search {
    size_t lanes;
    void (*run)(const struct scan *scan, uint32_t nonce, uint64_t *masks);
};

struct kernel {
    const char *name;
    int (*runs_here)(void);
    void (*compress)(uint32_t state[8], const uint8_t *data, size_t blocks);
    void (*header)(const uint8_t *header, uint8_t *digest);
    void (*tail)(const uint32_t *midstate, const uint8_t *tail, uint8_t *digest);
    /// The wide form, and a narrow one for what is left over.
    struct batch headers[2], pairs[2];
    struct search scan[2];
};

HIDDEN extern const struct kernel adit_portable;
#if defined(__x86_64__)
HIDDEN extern const struct kernel adit_shani, adit_avx2, adit_avx512;
#elif defined(__aarch64__)
HIDDEN extern const struct kernel adit_armv8;
#endif

/// Fills in what follows from midstates, tail, step and limit.
HIDDEN void adit_prepare(struct scan *scan);

ALWAYS_INLINE uint32_t rotr(uint32_t x, unsigned n) { return (x >> n) | (x << (32 - n)); }
ALWAYS_INLINE uint32_t big0(uint32_t x) { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
ALWAYS_INLINE uint32_t big1(uint32_t x) { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
ALWAYS_INLINE uint32_t small0(uint32_t x) { return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3); }
ALWAYS_INLINE uint32_t small1(uint32_t x) { return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10); }

// Host order is little-endian on every target of Adit.
ALWAYS_INLINE uint32_t load_be(const uint8_t *p) {
    uint32_t x;
    memcpy(&x, p, 4);
    return __builtin_bswap32(x);
}

ALWAYS_INLINE void store_be(uint8_t *p, uint32_t x) {
    x = __builtin_bswap32(x);
    memcpy(p, &x, 4);
}

ALWAYS_INLINE void store_digest(const uint32_t state[8], uint8_t *digest) {
    for (int i = 0; i < 8; i++) store_be(digest + 4 * i, state[i]);
}

/// Round r on a state that stays in place: instead of moving the eight words along, their names move.
ALWAYS_INLINE void scalar_round(uint32_t s[8], int r, uint32_t kw) {
    uint32_t a = s[-r & 7], b = s[(1 - r) & 7], c = s[(2 - r) & 7];
    uint32_t e = s[(4 - r) & 7], f = s[(5 - r) & 7], g = s[(6 - r) & 7];
    uint32_t t = s[(7 - r) & 7] + kw + (g ^ (e & (f ^ g))) + big1(e);
    s[(3 - r) & 7] += t;
    s[(7 - r) & 7] = t + big0(a) + (b ^ ((a ^ b) & (b ^ c)));
}

/// One compression of a block given as sixteen words; those that the compiler knows fold away.
ALWAYS_INLINE void scalar_compress(uint32_t state[8], const uint32_t block[16]) {
    uint32_t w[16], s[8];
    memcpy(w, block, sizeof w);
    memcpy(s, state, sizeof s);
    UNROLL
    for (int r = 0; r < 64; r++) {
        if (r >= 16) w[r & 15] += small1(w[(r + 14) & 15]) + w[(r + 9) & 15] + small0(w[(r + 1) & 15]);
        scalar_round(s, r, K[r] + w[r & 15]);
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

/// The second hash of SHA-256d: the digest `first`, padded to one block.
ALWAYS_INLINE void scalar_second_hash(const uint32_t first[8], uint8_t *digest) {
    uint32_t block[16] = {0}, state[8];
    memcpy(block, first, 32);
    block[8] = 0x80000000;
    block[15] = 256;
    memcpy(state, INITIAL, sizeof state);
    scalar_compress(state, block);
    store_digest(state, digest);
}

ALWAYS_INLINE void scalar_tail(const uint32_t *midstate, const uint8_t *tail, uint8_t *digest) {
    uint32_t block[16] = {load_be(tail), load_be(tail + 4), load_be(tail + 8), load_be(tail + 12), 0x80000000};
    uint32_t first[8];
    block[15] = 640;
    memcpy(first, midstate, 32);
    scalar_compress(first, block);
    scalar_second_hash(first, digest);
}

#endif
