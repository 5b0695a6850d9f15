// The nonce scan on many lanes side by side, written once for every vector width.
//
// A file that includes this defines
//   VEC, LANES        a vector of LANES 32-bit words
//   TARGET            the target attribute of its functions, or nothing
//   v_all, v_add, v_xor3, v_ch, v_maj, v_ror, v_shr, v_pin, v_at_most (portable.c shows what they mean)
// and names its instances. `streams` is how many vectors go through a round side by side: enough to cover the latency
// of an addition, not more than the registers hold. It is a constant wherever these functions are called.
//
// Two phases: the message schedule, K already added, goes to a table in the first-level cache; then the rounds read
// it. The loop over rounds stays rolled, eight at a time, so that it runs from the cache of decoded instructions.
#include "internal.h"

#define LANES_FN ALWAYS_INLINE TARGET

LANES_FN VEC v_small0(VEC x) { return v_xor3(v_ror(x, 7), v_ror(x, 18), v_shr(x, 3)); }
LANES_FN VEC v_small1(VEC x) { return v_xor3(v_ror(x, 17), v_ror(x, 19), v_shr(x, 10)); }
LANES_FN VEC v_k(int r) { return v_all(K[r]); }

/// Round r, in place as in scalar_round. The order of the sums keeps the chain from e to the next e short.
LANES_FN void v_round(VEC s[8], int r, VEC kw) {
    VEC a = s[-r & 7], b = s[(1 - r) & 7], c = s[(2 - r) & 7];
    VEC e = s[(4 - r) & 7], f = s[(5 - r) & 7], g = s[(6 - r) & 7];
    VEC t = v_pin(v_add(s[(7 - r) & 7], kw));
    t = v_pin(v_add(t, v_ch(e, f, g)));
    VEC u = v_pin(v_add(v_xor3(v_ror(a, 2), v_ror(a, 13), v_ror(a, 22)), v_maj(a, b, c)));
    t = v_pin(v_add(t, v_xor3(v_ror(e, 6), v_ror(e, 11), v_ror(e, 25))));
    s[(3 - r) & 7] = v_add(s[(3 - r) & 7], t);
    s[(7 - r) & 7] = v_add(u, t);
}

/// The half of round r that makes the new e.
LANES_FN void v_half_round(VEC s[8], int r, VEC kw) {
    VEC e = s[(4 - r) & 7], f = s[(5 - r) & 7], g = s[(6 - r) & 7];
    VEC t = v_add(v_add(v_add(s[(7 - r) & 7], kw), v_ch(e, f, g)), s[(3 - r) & 7]);
    s[(3 - r) & 7] = v_add(t, v_xor3(v_ror(e, 6), v_ror(e, 11), v_ror(e, 25)));
}

/// Rounds `from` to `to` - 1, all within one group of eight.
LANES_FN void v_rounds(VEC s[][8], int streams, const VEC *kw, int from, int to) {
    UNROLL
    for (int r = from; r < to; r++) {
        UNROLL
        for (int i = 0; i < streams; i++) v_round(s[i], r, kw[r * streams + i]);
    }
}

/// Rounds `from` to `to` - 1, both multiples of eight.
LANES_FN void v_eights(VEC s[][8], int streams, const VEC *kw, int from, int to) {
    KEEP_ROLLED
    for (int r = from; r < to; r += 8) v_rounds(s, streams, kw + r * streams, 0, 8);
}

/// Schedule words `from` to `to` - 1, written with K to a table of one vector a stream.
LANES_FN void v_extend(VEC w[16], VEC *kw, int streams, int from, int to) {
    UNROLL
    for (int r = from; r < to; r++) {
        VEC x = v_add(v_add(w[r & 15], v_small0(w[(r + 1) & 15])), w[(r + 9) & 15]);
        w[r & 15] = v_add(x, v_small1(w[(r + 14) & 15]));
        kw[r * streams] = v_add(w[r & 15], v_k(r));
    }
}

/// The block of the second hash for one stream: the digest of the first, then its padding.
LANES_FN void v_second_block(VEC w[16], const VEC first[8]) {
    UNROLL
    for (int j = 0; j < 8; j++) w[j] = first[j];
    UNROLL
    for (int j = 8; j < 16; j++) w[j] = v_all(j == 8 ? 0x80000000 : j == 15 ? 256 : 0);
}

/// The schedule of a header's second block, from word 4 on; only word 3 differs between lanes (W0 to W2 in `scan`).
LANES_FN void v_scan_schedule(const struct scan *scan, VEC nonces, VEC *kw, int streams) {
    VEC w[16];
#define PUT(r, x) kw[(r) * streams] = v_add(w[(r) & 15] = (x), v_k(r))
#define S1(r) v_small1(w[((r) - 2) & 15])
#define BACK7(r) w[((r) - 7) & 15]
    UNROLL
    for (int r = 4; r < 16; r++) kw[r * streams] = v_all(K[r] + (r == 4 ? 0x80000000 : r == 15 ? 640 : 0));
    kw[16 * streams] = v_all(K[16] + scan->w16);
    kw[17 * streams] = v_all(K[17] + scan->w17);
    PUT(18, v_add(v_small0(nonces), v_all(scan->part18)));
    PUT(19, v_add(nonces, v_all(scan->part19)));
    PUT(20, v_add(S1(20), v_all(0x80000000)));
    PUT(21, S1(21));
    PUT(22, v_add(S1(22), v_all(640)));
    PUT(23, v_add(S1(23), v_all(scan->w16)));
    PUT(24, v_add(S1(24), v_all(scan->w17)));
    PUT(25, v_add(S1(25), BACK7(25)));
    PUT(26, v_add(S1(26), BACK7(26)));
    PUT(27, v_add(S1(27), BACK7(27)));
    PUT(28, v_add(S1(28), BACK7(28)));
    PUT(29, v_add(S1(29), BACK7(29)));
    PUT(30, v_add(v_add(S1(30), BACK7(30)), v_all(small0(640))));
    PUT(31, v_add(v_add(S1(31), BACK7(31)), v_all(scan->part31)));
    PUT(32, v_add(v_add(S1(32), BACK7(32)), v_all(scan->part32)));
    PUT(33, v_add(v_add(S1(33), BACK7(33)), v_add(v_small0(w[18 & 15]), v_all(scan->w17))));
    v_extend(w, kw, streams, 34, 64);
#undef PUT
#undef S1
#undef BACK7
}

/// The schedule of the second hash as far as its last word needs it: words 1 to 60.
LANES_FN void v_scan_second_schedule(const VEC first[8], VEC *kw, int streams) {
    VEC w[16];
    v_second_block(w, first);
    UNROLL
    for (int r = 1; r < 16; r++) kw[r * streams] = v_add(w[r], v_k(r));
    v_extend(w, kw, streams, 16, 61);
}

LANES_FN void v_scan(const struct scan *scan, uint32_t nonce, uint64_t *masks, int streams) {
    VEC shared[64 * 3], kw[61 * 3], nonces[3], s[3][8];
    uint32_t start[LANES];
    for (int i = 0; i < streams; i++) {
        for (int j = 0; j < LANES; j++) {
            start[j] = __builtin_bswap32(nonce);
            nonce += scan->step;
        }
        memcpy(&nonces[i], start, sizeof start);
    }
    KEEP_ROLLED
    for (int i = 0; i < streams; i++) v_scan_schedule(scan, nonces[i], shared + i, streams);
    KEEP_ROLLED
    for (size_t m = 0; m < scan->midstates; m++) {
        const uint32_t *x = scan->after3[m], *midstate = scan->midstate[m];
        // Round 3 is two sums: all else in it is the same for every nonce.
        UNROLL
        for (int i = 0; i < streams; i++) {
            // Places of round 4: a at 4, e at 0, the older words behind them.
            s[i][4] = v_add(v_all(scan->a4[m]), nonces[i]);
            s[i][5] = v_all(x[0]), s[i][6] = v_all(x[1]), s[i][7] = v_all(x[2]);
            s[i][0] = v_add(v_all(scan->e4[m]), nonces[i]);
            s[i][1] = v_all(x[4]), s[i][2] = v_all(x[5]), s[i][3] = v_all(x[6]);
        }
        v_rounds(s, streams, shared, 4, 8);
        v_eights(s, streams, shared, 8, 64);
        UNROLL
        for (int i = 0; i < streams; i++) {
            UNROLL
            for (int j = 0; j < 8; j++) s[i][j] = v_add(s[i][j], v_all(midstate[j]));
        }
        KEEP_ROLLED
        for (int i = 0; i < streams; i++) v_scan_second_schedule(s[i], kw + i, streams);
        // Round 0 starts from constants: two sums again.
        const uint32_t t0 = INITIAL[7] + big1(INITIAL[4]) + (INITIAL[6] ^ (INITIAL[4] & (INITIAL[5] ^ INITIAL[6])));
        const uint32_t u0 =
            big0(INITIAL[0]) + ((INITIAL[0] & INITIAL[1]) | (INITIAL[2] & (INITIAL[0] | INITIAL[1])));
        UNROLL
        for (int i = 0; i < streams; i++) {
            VEC w0 = s[i][0];
            s[i][0] = v_all(INITIAL[0]), s[i][1] = v_all(INITIAL[1]), s[i][2] = v_all(INITIAL[2]);
            s[i][3] = v_add(w0, v_all(INITIAL[3] + t0 + 0x428a2f98));
            s[i][4] = v_all(INITIAL[4]), s[i][5] = v_all(INITIAL[5]), s[i][6] = v_all(INITIAL[6]);
            s[i][7] = v_add(w0, v_all(t0 + u0 + 0x428a2f98));
        }
        v_rounds(s, streams, kw, 1, 8);
        v_eights(s, streams, kw, 8, 56);
        v_rounds(s, streams, kw + 56 * streams, 0, 1);
        uint64_t mask = 0;
        UNROLL
        for (int i = 0; i < streams; i++) {
            UNROLL
            for (int r = 1; r < 5; r++) v_half_round(s[i], r, kw[(56 + r) * streams + i]);
            // The e of round 60 is the h of the end.
            VEC last = v_add(s[i][7], v_all(INITIAL[7]));
            mask |= (uint64_t)v_at_most(last, scan->top_limit) << (i * LANES);
        }
        masks[m] = mask;
    }
}
