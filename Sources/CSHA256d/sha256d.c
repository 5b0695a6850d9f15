#include "CSHA256d.h"

#include <string.h>

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

static const uint32_t INITIAL[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static inline uint32_t rotr(uint32_t x, unsigned n) { return (x >> n) | (x << (32 - n)); }
static inline uint32_t big0(uint32_t x) { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
static inline uint32_t big1(uint32_t x) { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
static inline uint32_t small0(uint32_t x) { return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3); }
static inline uint32_t small1(uint32_t x) { return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10); }

static inline uint32_t load_be(const uint8_t *p) {
    uint32_t x;
    memcpy(&x, p, 4);
    return __builtin_bswap32(x);
}

static inline void store_be(uint8_t *p, uint32_t x) {
    x = __builtin_bswap32(x);
    memcpy(p, &x, 4);
}

/// One compression of a block given as sixteen words. Host order is little-endian on every target of Adit.
static inline void compress_words(uint32_t state[8], const uint32_t block[16]) {
    uint32_t w[16];
    memcpy(w, block, sizeof w);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int round = 0; round < 64; round += 16) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            if (round > 0) {
                w[i] += small1(w[(i + 14) & 15]) + w[(i + 9) & 15] + small0(w[(i + 1) & 15]);
            }
            uint32_t t1 = h + big1(e) + (g ^ (e & (f ^ g))) + K[round + i] + w[i];
            uint32_t t2 = big0(a) + ((a & b) | (c & (a | b)));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void store_digest(const uint32_t state[8], uint8_t digest[32]) {
    for (int i = 0; i < 8; i++) store_be(digest + 4 * i, state[i]);
}

/// Second hash of SHA-256d: the 32 bytes of `first`, padded to one block.
static inline void second_hash(const uint32_t first[8], uint32_t state[8]) {
    uint32_t block[16] = {0};
    memcpy(block, first, 32);
    block[8] = 0x80000000;
    block[15] = 256;
    memcpy(state, INITIAL, sizeof INITIAL);
    compress_words(state, block);
}

void adit_sha256_init(uint32_t state[8]) { memcpy(state, INITIAL, sizeof INITIAL); }

void adit_sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks) {
    uint32_t block[16];
    for (; blocks > 0; blocks--, data += 64) {
        for (int i = 0; i < 16; i++) block[i] = load_be(data + 4 * i);
        compress_words(state, block);
    }
}

static void hash_to_state(const uint8_t *data, size_t length, uint32_t state[8]) {
    adit_sha256_init(state);
    size_t whole = length / 64, rest = length % 64;
    adit_sha256_compress(state, data, whole);
    uint8_t last[128] = {0};
    if (rest > 0) memcpy(last, data + whole * 64, rest);
    last[rest] = 0x80;
    size_t padded = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)length * 8;
    for (int i = 0; i < 8; i++) last[padded - 1 - i] = (uint8_t)(bits >> (8 * i));
    adit_sha256_compress(state, last, padded / 64);
}

void adit_sha256(const uint8_t *data, size_t length, uint8_t digest[32]) {
    uint32_t state[8];
    hash_to_state(data, length, state);
    store_digest(state, digest);
}

void adit_sha256d(const uint8_t *data, size_t length, uint8_t digest[32]) {
    uint32_t first[8], state[8];
    hash_to_state(data, length, first);
    second_hash(first, state);
    store_digest(state, digest);
}

void adit_sha256d_pairs(const uint8_t *nodes, size_t pairs, uint8_t *out) {
    static const uint32_t padding[16] = {0x80000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 512};
    for (; pairs > 0; pairs--, nodes += 64, out += 32) {
        uint32_t first[8], state[8];
        adit_sha256_init(first);
        adit_sha256_compress(first, nodes, 1);
        compress_words(first, padding);
        second_hash(first, state);
        store_digest(state, out);
    }
}

/// First hash of a header, from its midstate and the four words of its tail.
static inline void finish_header(const uint32_t midstate[8], const uint32_t tail[4], uint32_t first[8]) {
    uint32_t block[16] = {tail[0], tail[1], tail[2], tail[3], 0x80000000};
    block[15] = 640;
    memcpy(first, midstate, 32);
    compress_words(first, block);
}

void adit_sha256d_tail(const uint32_t midstate[8], const uint8_t tail[16], uint8_t digest[32]) {
    uint32_t words[4], first[8], state[8];
    for (int i = 0; i < 4; i++) words[i] = load_be(tail + 4 * i);
    finish_header(midstate, words, first);
    second_hash(first, state);
    store_digest(state, digest);
}

// The scan runs four nonces side by side in 128-bit vectors, which every supported machine has (SSE2, NEON).
typedef uint32_t lanes __attribute__((vector_size(16)));

static inline lanes lanes_of(uint32_t x) { return (lanes){x, x, x, x}; }
static inline lanes lrotr(lanes x, int n) { return (x >> n) | (x << (32 - n)); }

static inline void compress_lanes(lanes state[8], lanes w[16]) {
    lanes a = state[0], b = state[1], c = state[2], d = state[3];
    lanes e = state[4], f = state[5], g = state[6], h = state[7];
    for (int round = 0; round < 64; round += 16) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            if (round > 0) {
                lanes x = w[(i + 14) & 15], y = w[(i + 1) & 15];
                w[i] += (lrotr(x, 17) ^ lrotr(x, 19) ^ (x >> 10)) + w[(i + 9) & 15] +
                        (lrotr(y, 7) ^ lrotr(y, 18) ^ (y >> 3));
            }
            lanes t1 = h + (lrotr(e, 6) ^ lrotr(e, 11) ^ lrotr(e, 25)) + (g ^ (e & (f ^ g))) +
                       lanes_of(K[round + i]) + w[i];
            lanes t2 = (lrotr(a, 2) ^ lrotr(a, 13) ^ lrotr(a, 22)) + ((a & b) | (c & (a | b)));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/// The last word of each lane's SHA-256d, for nonces `nonce` to `nonce` + 3.
static inline lanes last_words(const uint32_t midstate[8], const uint32_t tail[3], uint32_t nonce) {
    lanes w[16], first[8];
    for (int i = 0; i < 16; i++) w[i] = lanes_of(0);
    for (int i = 0; i < 3; i++) w[i] = lanes_of(tail[i]);
    for (uint32_t i = 0; i < 4; i++) w[3][i] = __builtin_bswap32(nonce + i);
    w[4] = lanes_of(0x80000000), w[15] = lanes_of(640);
    for (int i = 0; i < 8; i++) first[i] = lanes_of(midstate[i]);
    compress_lanes(first, w);
    for (int i = 0; i < 8; i++) w[i] = first[i];
    w[8] = lanes_of(0x80000000), w[15] = lanes_of(256);
    for (int i = 9; i < 15; i++) w[i] = lanes_of(0);
    lanes state[8];
    for (int i = 0; i < 8; i++) state[i] = lanes_of(INITIAL[i]);
    compress_lanes(state, w);
    return state[7];
}

uint64_t adit_sha256d_scan(const uint32_t midstate[8], const uint8_t tail[12], uint32_t first_nonce, uint64_t count,
                           uint32_t top_limit, uint32_t *hits, size_t capacity, size_t *found) {
    uint32_t words[3];
    for (int i = 0; i < 3; i++) words[i] = load_be(tail + 4 * i);
    *found = 0;
    if (capacity == 0) return 0;
    for (uint64_t tried = 0; tried < count; tried += 4) {
        uint32_t nonce = first_nonce + (uint32_t)tried;
        lanes last = last_words(midstate, words, nonce);
        for (uint32_t i = 0; i < 4 && tried + i < count; i++) {
            // The last four bytes of the digest are the top of the number, least significant byte first.
            if (__builtin_bswap32(last[i]) > top_limit) continue;
            hits[(*found)++] = nonce + i;
            if (*found == capacity) return tried + i + 1;
        }
    }
    return count;
}
