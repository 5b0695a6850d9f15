// One block at a time on x86 without its SHA extensions: the schedule four words at once in a vector, between the rounds
// in the general registers. One function of some 4 KiB for every block, so that it stays among the decoded instructions.
//
// A file that includes this defines TARGET, and q_ror (a constant rotation of four words) and q_xor3.

#define LONE_FN ALWAYS_INLINE TARGET

LONE_FN uint32_t lone_pin(uint32_t x) {
    __asm__("" : "+r"(x));
    return x;
}

/// scalar_round with its sums in the order that keeps the chain from e to the next e short.
LONE_FN void lone_round(uint32_t s[8], uint32_t *between, int r, uint32_t kw) {
    uint32_t a = s[-r & 7], b = s[(1 - r) & 7];
    uint32_t e = s[(4 - r) & 7], f = s[(5 - r) & 7], g = s[(6 - r) & 7];
    uint32_t t = lone_pin(s[(7 - r) & 7] + kw);
    t = lone_pin(t + (~e & g));
    t = lone_pin(t + (e & f));
    uint32_t ab = a ^ b;
    uint32_t u = lone_pin(b ^ (ab & *between));
    *between = ab;
    t = lone_pin(t + big1(e));
    u = lone_pin(u + big0(a));
    s[(3 - r) & 7] += t;
    s[(7 - r) & 7] = t + u;
}

/// The four words after w[0] to w[3].
LONE_FN __m128i lone_extend(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    __m128i back15 = _mm_alignr_epi8(w1, w0, 4);
    __m128i x = _mm_add_epi32(w0, _mm_alignr_epi8(w3, w2, 4));
    x = _mm_add_epi32(x, q_xor3(q_ror(back15, 7), q_ror(back15, 18), _mm_srli_epi32(back15, 3)));
    // Word t + 2 needs word t: s1 goes over the last two words, then over the two it helped to make. Each stands twice
    // in 64 bits, where a shift is a rotation.
    const __m128i low = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 11, 10, 9, 8, 3, 2, 1, 0);
    const __m128i high = _mm_set_epi8(11, 10, 9, 8, 3, 2, 1, 0, -1, -1, -1, -1, -1, -1, -1, -1);
    __m128i y = _mm_shuffle_epi32(w3, 0xfa);
    y = q_xor3(_mm_srli_epi64(y, 17), _mm_srli_epi64(y, 19), _mm_srli_epi32(y, 10));
    x = _mm_add_epi32(x, _mm_shuffle_epi8(y, low));
    y = _mm_shuffle_epi32(x, 0x50);
    y = q_xor3(_mm_srli_epi64(y, 17), _mm_srli_epi64(y, 19), _mm_srli_epi32(y, 10));
    return _mm_add_epi32(x, _mm_shuffle_epi8(y, high));
}

TARGET static __attribute__((noinline)) void lone_compress(uint32_t state[8], const __m128i block[4]) {
    uint32_t kw[16] __attribute__((aligned(16))), s[8];
    __m128i w[4];
    UNROLL
    for (int q = 0; q < 4; q++) {
        w[q] = block[q];
        _mm_store_si128((void *)(kw + 4 * q), _mm_add_epi32(w[q], _mm_loadu_si128((const void *)(K + 4 * q))));
    }
    memcpy(s, state, sizeof s);
    uint32_t between = s[1] ^ s[2];
    KEEP_ROLLED
    for (int r = 16; r < 64; r += 16) {
        UNROLL
        for (int q = 0; q < 4; q++) {
            w[q] = lone_extend(w[q], w[(q + 1) & 3], w[(q + 2) & 3], w[(q + 3) & 3]);
            UNROLL
            for (int i = 4 * q; i < 4 * q + 4; i++) lone_round(s, &between, i, kw[i]);
            __m128i k = _mm_loadu_si128((const void *)(K + r + 4 * q));
            _mm_store_si128((void *)(kw + 4 * q), _mm_add_epi32(w[q], k));
        }
    }
    UNROLL
    for (int i = 0; i < 16; i++) lone_round(s, &between, i, kw[i]);
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

LONE_FN __m128i lone_swap(__m128i x) {
    return _mm_shuffle_epi8(x, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
}

LONE_FN __m128i lone_words(const void *p) { return _mm_loadu_si128(p); }

TARGET static void compress(uint32_t state[8], const uint8_t *data, size_t blocks) {
    for (; blocks > 0; blocks--, data += 64) {
        __m128i w[4];
        for (int q = 0; q < 4; q++) w[q] = lone_swap(lone_words(data + 16 * q));
        lone_compress(state, w);
    }
}

TARGET static void tail(const uint32_t *midstate, const uint8_t *tail, uint8_t *digest) {
    uint32_t state[8];
    memcpy(state, midstate, sizeof state);
    __m128i w[4] = {
        lone_swap(lone_words(tail)), _mm_set_epi32(0, 0, 0, (int)0x80000000), _mm_setzero_si128(),
        _mm_set_epi32(640, 0, 0, 0),
    };
    lone_compress(state, w);
    w[0] = lone_words(state), w[1] = lone_words(state + 4);
    w[2] = _mm_set_epi32(0, 0, 0, (int)0x80000000), w[3] = _mm_set_epi32(256, 0, 0, 0);
    memcpy(state, INITIAL, sizeof state);
    lone_compress(state, w);
    _mm_storeu_si128((void *)digest, lone_swap(lone_words(state)));
    _mm_storeu_si128((void *)(digest + 16), lone_swap(lone_words(state + 4)));
}

TARGET static void header(const uint8_t *header, uint8_t *digest) {
    uint32_t state[8];
    memcpy(state, INITIAL, sizeof state);
    compress(state, header, 1);
    tail(state, header + 64, digest);
}
