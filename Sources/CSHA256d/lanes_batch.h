// Headers and pairs of nodes on many lanes side by side. To be included after lanes_scan.h by a file that also defines
//   v_load_rows     the sixteen words of LANES rows of 64 bytes, `stride` bytes apart
//   v_load_tails    four words of each row in the same way
//   v_store_digests eight words to LANES digests of 32 bytes

/// The whole schedule of a block: words that the compiler knows to be constant fold away.
LANES_FN void v_schedule(VEC w[16], VEC *kw, int streams) {
    UNROLL
    for (int r = 0; r < 16; r++) kw[r * streams] = v_add(w[r], v_k(r));
    v_extend(w, kw, streams, 16, 32);
    KEEP_ROLLED
    for (int r = 32; r < 64; r += 16) {
        UNROLL
        for (int i = 0; i < 16; i++) {
            VEC x = v_add(v_add(w[i], v_small0(w[(i + 1) & 15])), w[(i + 9) & 15]);
            w[i] = v_add(x, v_small1(w[(i + 14) & 15]));
            kw[(r + i) * streams] = v_add(w[i], v_k(r + i));
        }
    }
}

LANES_FN void v_set_words(VEC s[][8], int streams, const uint32_t words[8]) {
    UNROLL
    for (int i = 0; i < streams; i++) {
        UNROLL
        for (int j = 0; j < 8; j++) s[i][j] = v_all(words[j]);
    }
}

/// The second hash, whole: `s` holds the first digest and receives the second.
LANES_FN void v_second_hash(VEC s[][8], int streams, VEC *kw) {
    KEEP_ROLLED
    for (int i = 0; i < streams; i++) {
        VEC w[16];
        v_second_block(w, s[i]);
        v_schedule(w, kw + i, streams);
    }
    v_set_words(s, streams, INITIAL);
    v_eights(s, streams, kw, 0, 64);
    UNROLL
    for (int i = 0; i < streams; i++) {
        UNROLL
        for (int j = 0; j < 8; j++) s[i][j] = v_add(s[i][j], v_all(INITIAL[j]));
    }
}

LANES_FN void v_add_states(VEC s[][8], VEC other[][8], int streams) {
    UNROLL
    for (int i = 0; i < streams; i++) {
        UNROLL
        for (int j = 0; j < 8; j++) s[i][j] = v_add(s[i][j], other[i][j]);
    }
}

/// Compresses the first 64 bytes of each row into the initial state.
LANES_FN void v_first_block(VEC s[][8], int streams, VEC *kw, const uint8_t *rows, size_t stride) {
    KEEP_ROLLED
    for (int i = 0; i < streams; i++) {
        VEC w[16];
        v_load_rows(w, rows + (size_t)i * LANES * stride, stride);
        v_schedule(w, kw + i, streams);
    }
    v_set_words(s, streams, INITIAL);
    v_eights(s, streams, kw, 0, 64);
    UNROLL
    for (int i = 0; i < streams; i++) {
        UNROLL
        for (int j = 0; j < 8; j++) s[i][j] = v_add(s[i][j], v_all(INITIAL[j]));
    }
}

LANES_FN void v_headers(const uint8_t *headers, uint8_t *digests, int streams) {
    VEC kw[64 * 3], s[3][8], midstate[3][8];
    v_first_block(s, streams, kw, headers, 80);
    memcpy(midstate, s, (size_t)streams * sizeof s[0]);
    KEEP_ROLLED
    for (int i = 0; i < streams; i++) {
        VEC w[16];
        v_load_tails(w, headers + (size_t)i * LANES * 80 + 64, 80);
        UNROLL
        for (int j = 4; j < 16; j++) w[j] = v_all(j == 4 ? 0x80000000 : j == 15 ? 640 : 0);
        v_schedule(w, kw + i, streams);
    }
    v_eights(s, streams, kw, 0, 64);
    v_add_states(s, midstate, streams);
    v_second_hash(s, streams, kw);
    UNROLL
    for (int i = 0; i < streams; i++) v_store_digests(s[i], digests + (size_t)i * LANES * 32);
}

LANES_FN void v_pairs(const uint8_t *nodes, uint8_t *digests, int streams) {
    VEC kw[64 * 3], s[3][8], between[3][8];
    v_first_block(s, streams, kw, nodes, 64);
    memcpy(between, s, (size_t)streams * sizeof s[0]);
    KEEP_ROLLED
    for (int r = 0; r < 64; r += 8) {
        UNROLL
        for (int j = 0; j < 8; j++) {
            UNROLL
            for (int i = 0; i < streams; i++) v_round(s[i], j, v_all(PADDING_KW[r + j]));
        }
    }
    v_add_states(s, between, streams);
    v_second_hash(s, streams, kw);
    UNROLL
    for (int i = 0; i < streams; i++) v_store_digests(s[i], digests + (size_t)i * LANES * 32);
}
