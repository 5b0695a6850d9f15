// What a scan works out once, and the walk over nonces that all kernels share.
#include "internal.h"

void adit_prepare(struct scan *scan) {
    const uint32_t *t = scan->tail;
    scan->w16 = small0(t[1]) + t[0];
    scan->w17 = small1(640) + small0(t[2]) + t[1];
    scan->part18 = small1(scan->w16) + t[2];
    scan->part19 = small1(scan->w17) + small0(0x80000000);
    scan->part31 = small0(scan->w16) + 640;
    scan->part32 = small0(scan->w17) + scan->w16;
    for (size_t m = 0; m < scan->midstates; m++) {
        uint32_t s[8];
        memcpy(s, scan->midstate[m], sizeof s);
        for (int r = 0; r < 3; r++) {
            scalar_round(s, r, K[r] + t[r]);
            uint32_t *after = r == 1 ? scan->after2[m] : scan->after3[m];
            for (int i = 0; i < 8; i++) after[i] = s[(i - r - 1) & 7];
        }
        const uint32_t *x = scan->after3[m];
        uint32_t t1 = x[7] + big1(x[4]) + (x[6] ^ (x[4] & (x[5] ^ x[6]))) + K[3];
        scan->e4[m] = x[3] + t1;
        scan->a4[m] = t1 + big0(x[0]) + ((x[0] & x[1]) | (x[2] & (x[0] | x[1])));
    }
}
