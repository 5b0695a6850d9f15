// Compares every usable SHA-256d kernel with the portable one, and the list of usable ones with what is expected.
//
//     check NAME...    the names of all kernels that must be usable here; exit status 1 when anything differs
//
// Inputs are random and edge: any alignment, all batch sizes up to 150, strides, nonces past 2^32, full buffers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CSHA256d.h"

enum { ROWS = 150 };

static unsigned long comparisons, failures;
static uint64_t seed = 0x853c49e6748fea9b;

static uint32_t next(void) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static void fill(uint8_t *bytes, size_t length) {
    const uint32_t kind = next() % 8;
    for (size_t i = 0; i < length; i++) bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)next();
}

static void use(const char *name) {
    if (!adit_sha256d_use(name)) abort();
}

static void expect(int same, const char *kernel, const char *what) {
    comparisons++;
    if (same) return;
    failures++;
    fprintf(stderr, "%s disagrees with portable: %s\n", kernel, what);
}

static void check_hashes(const char *kernel) {
    static uint8_t data[ROWS * 80 + 16], seen[ROWS * 32 + 16], expected[ROWS * 32 + 16], nodes[ROWS * 64 + 16];
    for (size_t count = 0; count <= ROWS; count++) {
        uint8_t *rows = data + next() % 16, *out = seen + next() % 16;
        fill(rows, ROWS * 80);
        memset(seen, 0xa5, sizeof seen), memset(expected, 0xa5, sizeof expected);
        use("portable");
        adit_sha256d_headers(rows, count, expected);
        use(kernel);
        adit_sha256d_headers(rows, count, out);
        expect(memcmp(out, expected, ROWS * 32) == 0, kernel, "headers");
        uint8_t *tree = nodes + next() % 16;
        memcpy(tree, rows, ROWS * 64);
        use("portable");
        adit_sha256d_pairs(rows, count, expected);
        use(kernel);
        adit_sha256d_pairs(tree, count, tree);
        expect(memcmp(tree, expected, count * 32) == 0, kernel, "pairs in place");
        use("portable");
        adit_sha256d(rows, count, expected), adit_sha256(rows, count, expected + 32);
        adit_sha256d_header(rows, expected + 64);
        use(kernel);
        adit_sha256d(rows, count, out), adit_sha256(rows, count, out + 32), adit_sha256d_header(rows, out + 64);
        expect(memcmp(out, expected, 96) == 0, kernel, "one message");
        uint32_t mine[8], theirs[8];
        adit_sha256_init(mine), adit_sha256_init(theirs);
        use("portable");
        adit_sha256_compress(theirs, rows, count), adit_sha256d_tail(theirs, rows + 5, expected);
        use(kernel);
        adit_sha256_compress(mine, rows, count), adit_sha256d_tail(mine, rows + 5, out);
        expect(memcmp(mine, theirs, 32) == 0 && memcmp(out, expected, 32) == 0, kernel, "midstate");
    }
}

static void check_scans(const char *kernel) {
    for (int trial = 0; trial < 400; trial++) {
        uint8_t block[64], tail[13];
        uint32_t midstates[8 * ADIT_SHA256D_MIDSTATES];
        struct adit_sha256d_hit mine[200], theirs[200];
        memset(mine, 0, sizeof mine), memset(theirs, 0, sizeof theirs);
        for (int m = 0; m < ADIT_SHA256D_MIDSTATES; m++) {
            fill(block, 64);
            adit_sha256_init(midstates + 8 * m), adit_sha256_compress(midstates + 8 * m, block, 1);
        }
        fill(tail, sizeof tail);
        const uint32_t steps[] = {1, 2, 3, 256, next()}, firsts[] = {0, 0xffffffe0, next()};
        const uint32_t limits[] = {0xffffffff, 0x1fffffff, 0x01ffffff, 0};
        const size_t kinds = 1 + next() % ADIT_SHA256D_MIDSTATES, room = next() % 200;
        const uint32_t step = steps[next() % 5], first = firsts[next() % 3], limit = limits[next() % 4];
        const uint64_t count = next() % 200;
        size_t some, others;
        use("portable");
        uint64_t a = adit_sha256d_scan_versions(midstates, kinds, tail + 1, first, step, count, limit, theirs, room, &others);
        use(kernel);
        uint64_t b = adit_sha256d_scan_versions(midstates, kinds, tail + 1, first, step, count, limit, mine, room, &some);
        expect(a == b && some == others && memcmp(mine, theirs, some * sizeof mine[0]) == 0, kernel, "scan");
    }
}

int main(int count, char **names) {
    struct adit_sha256d_kernel kernels[8];
    const size_t all = adit_sha256d_kernels(kernels, 8);
    for (size_t i = 0; i < all; i++) {
        int expected = 0;
        for (int j = 1; j < count; j++) expected |= strcmp(names[j], kernels[i].name) == 0;
        const char *standing = kernels[i].standing == ADIT_SHA256D_USABLE  ? "usable"
                               : kernels[i].standing == ADIT_SHA256D_WRONG ? "wrong"
                                                                           : "absent";
        printf("  %-9s %s%s%s\n", kernels[i].name, standing, kernels[i].hashes_one ? ", hashes one" : "",
               kernels[i].hashes_many ? ", hashes many" : "");
        if (expected != (kernels[i].standing == ADIT_SHA256D_USABLE)) {
            fprintf(stderr, "%s should %sbe usable here\n", kernels[i].name, expected ? "" : "not ");
            failures++;
        }
        if (kernels[i].standing != ADIT_SHA256D_USABLE || strcmp(kernels[i].name, "portable") == 0) continue;
        check_hashes(kernels[i].name);
        check_scans(kernels[i].name);
    }
    printf("  %lu comparisons, %lu failures\n", comparisons, failures);
    return failures != 0;
}
