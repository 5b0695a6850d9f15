// The three SHA-256 instructions of x86 in software, from the pseudo-code in Intel's "Software Developer's Manual",
// volume 2 (SHA256RNDS2, SHA256MSG1, SHA256MSG2), so that the kernel built on them runs where they are missing.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define TARGET __attribute__((target("sse4.1,ssse3")))
#define _mm_sha256rnds2_epu32 software_rnds2
#define _mm_sha256msg1_epu32 software_msg1
#define _mm_sha256msg2_epu32 software_msg2

static inline uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }
static inline uint32_t sigma0(uint32_t x) { return turn(x, 7) ^ turn(x, 18) ^ (x >> 3); }
static inline uint32_t sigma1(uint32_t x) { return turn(x, 17) ^ turn(x, 19) ^ (x >> 10); }

/// SHA256RNDS2: src1 holds c, d, g, h, src2 holds a, b, e, f, the first of each in bits 127 to 96; the low half of wk
/// holds two words plus K.
static inline __m128i software_rnds2(__m128i src1, __m128i src2, __m128i wk) {
    uint32_t cdgh[4], abef[4], sums[4];
    memcpy(cdgh, &src1, 16), memcpy(abef, &src2, 16), memcpy(sums, &wk, 16);
    uint32_t a = abef[3], b = abef[2], c = cdgh[3], d = cdgh[2];
    uint32_t e = abef[1], f = abef[0], g = cdgh[1], h = cdgh[0];
    for (int i = 0; i < 2; i++) {
        uint32_t t = ((e & f) ^ (~e & g)) + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + sums[i] + h;
        uint32_t new_a = t + ((a & b) ^ (a & c) ^ (b & c)) + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22));
        h = g, g = f, f = e, e = t + d, d = c, c = b, b = a, a = new_a;
    }
    uint32_t out[4] = {f, e, b, a};
    __m128i result;
    memcpy(&result, out, 16);
    return result;
}

/// SHA256MSG1: src1 holds W0 to W3 from the lowest bits up, the lowest word of src2 is W4.
static inline __m128i software_msg1(__m128i src1, __m128i src2) {
    uint32_t w[4], next[4];
    memcpy(w, &src1, 16), memcpy(next, &src2, 16);
    uint32_t out[4] = {w[0] + sigma0(w[1]), w[1] + sigma0(w[2]), w[2] + sigma0(w[3]), w[3] + sigma0(next[0])};
    __m128i result;
    memcpy(&result, out, 16);
    return result;
}

/// SHA256MSG2: the two highest words of src2 are W14 and W15; the first two words made here serve the last two.
static inline __m128i software_msg2(__m128i src1, __m128i src2) {
    uint32_t sums[4], w[4];
    memcpy(sums, &src1, 16), memcpy(w, &src2, 16);
    uint32_t w16 = sums[0] + sigma1(w[2]), w17 = sums[1] + sigma1(w[3]);
    uint32_t out[4] = {w16, w17, sums[2] + sigma1(w16), sums[3] + sigma1(w17)};
    __m128i result;
    memcpy(&result, out, 16);
    return result;
}
