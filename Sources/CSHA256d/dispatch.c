// Chooses kernels once, by what the machine can do and by whether they agree with the portable one.
#include <pthread.h>
#include <stdlib.h>

#include "CSHA256d.h"
#include "internal.h"

/// All kernels of this architecture, fastest batch and scan first, the portable one last.
static const struct kernel *const ALL[] = {
#if defined(__x86_64__)
    &adit_avx512, &adit_shani, &adit_avx2,
#elif defined(__aarch64__)
    &adit_armv8,
#endif
    &adit_portable,
};
enum { KERNELS = sizeof ALL / sizeof ALL[0] };

struct choice {
    /// One header or block at a time; many at once, and the scan.
    const struct kernel *single, *many;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum adit_sha256d_standing standings[KERNELS];
static struct choice automatic;
static char refused[16];
static _Thread_local struct choice forced;

// MARK: The self-test

/// Deterministic bytes without pattern (xorshift32); an all-zero and an all-one input come besides.
static void fill(uint8_t *bytes, size_t length, uint32_t x) {
    for (size_t i = 0; i < length; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        bytes[i] = (uint8_t)(x >> 11);
    }
}

enum { TEST_ROWS = 49 };

static int same_digests(const struct kernel *kernel, const uint8_t *rows) {
    uint8_t expected[TEST_ROWS * 32], seen[TEST_ROWS * 32];
    for (int wide = 0; wide < 2; wide++) {
        const struct batch *headers = &kernel->headers[wide], *pairs = &kernel->pairs[wide];
        for (size_t i = 0; i < headers->lanes; i++) adit_portable.header(rows + 80 * i, expected + 32 * i);
        headers->run(rows, seen);
        if (memcmp(expected, seen, 32 * headers->lanes) != 0) return 0;
        for (size_t i = 0; i < pairs->lanes; i++) adit_portable.pairs[0].run(rows + 64 * i, expected + 32 * i);
        pairs->run(rows, seen);
        if (memcmp(expected, seen, 32 * pairs->lanes) != 0) return 0;
    }
    uint32_t state[8], midstate[8];
    memcpy(state, INITIAL, sizeof state);
    memcpy(midstate, INITIAL, sizeof midstate);
    adit_portable.compress(state, rows + 1, 3);
    kernel->compress(midstate, rows + 1, 3);
    if (memcmp(state, midstate, sizeof state) != 0) return 0;
    adit_portable.tail(state, rows + 7, expected);
    kernel->tail(state, rows + 7, seen);
    adit_portable.header(rows + 3, expected + 32);
    kernel->header(rows + 3, seen + 32);
    return memcmp(expected, seen, 64) == 0;
}

static int same_hits(const struct kernel *kernel, const uint8_t *rows) {
    struct scan scan = {.step = 3, .top_limit = 0x3fffffff, .midstates = MIDSTATES};
    uint8_t tail[16];
    memcpy(tail, rows + 512, 12);
    for (int i = 0; i < 3; i++) scan.tail[i] = load_be(tail + 4 * i);
    for (int m = 0; m < MIDSTATES; m++) {
        memcpy(scan.midstate[m], INITIAL, sizeof INITIAL);
        adit_portable.compress(scan.midstate[m], rows + 64 * m, 1);
    }
    adit_prepare(&scan);
    const uint32_t first = 0xfffffff0;  // passes 2^32
    for (int wide = 0; wide < 2; wide++) {
        uint64_t masks[MIDSTATES];
        kernel->scan[wide].run(&scan, first, masks);
        for (int m = 0; m < MIDSTATES; m++) {
            for (size_t i = 0; i < kernel->scan[wide].lanes; i++) {
                uint8_t digest[32];
                uint32_t nonce = first + (uint32_t)i * scan.step, top;
                memcpy(tail + 12, &nonce, 4);
                adit_portable.tail(scan.midstate[m], tail, digest);
                memcpy(&top, digest + 28, 4);
                if ((masks[m] >> i & 1) != (top <= scan.top_limit)) return 0;
            }
        }
    }
    return 1;
}

/// Known answer, so that the portable kernel is held to something too: the header of block 0 of the main chain.
static int portable_is_right(void) {
    static const uint8_t genesis[80] = {
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x3b, 0xa3, 0xed, 0xfd, 0x7a, 0x7b, 0x12, 0xb2, 0x7a, 0xc7, 0x2c, 0x3e,
        0x67, 0x76, 0x8f, 0x61, 0x7f, 0xc8, 0x1b, 0xc3, 0x88, 0x8a, 0x51, 0x32, 0x3a, 0x9f, 0xb8, 0xaa,
        0x4b, 0x1e, 0x5e, 0x4a, 0x29, 0xab, 0x5f, 0x49, 0xff, 0xff, 0x00, 0x1d, 0x1d, 0xac, 0x2b, 0x7c,
    };
    static const uint8_t hash[32] = {
        0x6f, 0xe2, 0x8c, 0x0a, 0xb6, 0xf1, 0xb3, 0x72, 0xc1, 0xa6, 0xa2, 0x46, 0xae, 0x63, 0xf7, 0x4f,
        0x93, 0x1e, 0x83, 0x65, 0xe1, 0x5a, 0x08, 0x9c, 0x68, 0xd6, 0x19, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t digest[32];
    adit_portable.header(genesis, digest);
    return memcmp(digest, hash, 32) == 0;
}

static int agrees(const struct kernel *kernel) {
    uint8_t rows[TEST_ROWS * 80];
    fill(rows, sizeof rows, 0x0ad17);
    memset(rows + 80 * 5, 0x00, 80);
    memset(rows + 80 * 9, 0xff, 80);
    return same_digests(kernel, rows) && same_hits(kernel, rows);
}

// MARK: The choice

static int index_of(const char *name) {
    for (int i = 0; i < KERNELS; i++) {
        if (strcmp(ALL[i]->name, name) == 0) return i;
    }
    return -1;
}

static int is_usable(int index) { return index >= 0 && standings[index] == ADIT_SHA256D_USABLE; }

static void choose(void) {
    for (int i = KERNELS - 1; i >= 0; i--) {
        if (!ALL[i]->runs_here()) {
            standings[i] = ADIT_SHA256D_ABSENT;
            continue;
        }
        const int right = portable_is_right() && agrees(ALL[i]);
        standings[i] = right ? ADIT_SHA256D_USABLE : ADIT_SHA256D_WRONG;
    }
    // Without a usable kernel there is nothing better than the portable one; its standing says what to think of it.
    automatic = (struct choice){&adit_portable, &adit_portable};
    for (int i = KERNELS - 1; i >= 0; i--) {
        if (is_usable(i)) automatic = (struct choice){ALL[i], ALL[i]};
    }
#if defined(__x86_64__)
    // A header alone is fastest with the SHA extensions, even where wider vectors win on many.
    if (is_usable(index_of("shani"))) automatic.single = &adit_shani;
#endif
    const char *name = getenv("ADIT_SHA256D");
    if (name == NULL || *name == 0) return;
    const int index = index_of(name);
    if (is_usable(index)) {
        automatic = (struct choice){ALL[index], ALL[index]};
    } else {
        strncpy(refused, name, sizeof refused - 1);
    }
}

static struct choice current(void) {
    if (forced.single != NULL) return forced;
    pthread_once(&once, choose);
    return automatic;
}

size_t adit_sha256d_kernels(struct adit_sha256d_kernel *kernels, size_t capacity) {
    const struct choice now = current();
    pthread_once(&once, choose);
    for (size_t i = 0; i < KERNELS && i < capacity; i++) {
        kernels[i] = (struct adit_sha256d_kernel){
            .name = ALL[i]->name,
            .standing = standings[i],
            .hashes_one = ALL[i] == now.single,
            .hashes_many = ALL[i] == now.many,
        };
    }
    return KERNELS;
}

const char *adit_sha256d_refused(void) {
    pthread_once(&once, choose);
    return refused[0] == 0 ? NULL : refused;
}

int adit_sha256d_use(const char *name) {
    pthread_once(&once, choose);
    if (name == NULL) {
        forced = (struct choice){NULL, NULL};
        return 1;
    }
    const int index = index_of(name);
    if (!is_usable(index)) return 0;
    forced = (struct choice){ALL[index], ALL[index]};
    return 1;
}

// MARK: Hashes

void adit_sha256_init(uint32_t state[8]) { memcpy(state, INITIAL, sizeof INITIAL); }

void adit_sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks) {
    current().single->compress(state, data, blocks);
}

static void hash_to_state(const struct kernel *kernel, const uint8_t *data, size_t length, uint32_t state[8]) {
    adit_sha256_init(state);
    size_t whole = length / 64, rest = length % 64;
    kernel->compress(state, data, whole);
    uint8_t last[128] = {0};
    if (rest > 0) memcpy(last, data + whole * 64, rest);
    last[rest] = 0x80;
    size_t padded = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)length * 8;
    for (int i = 0; i < 8; i++) last[padded - 1 - i] = (uint8_t)(bits >> (8 * i));
    kernel->compress(state, last, padded / 64);
}

void adit_sha256(const uint8_t *data, size_t length, uint8_t digest[32]) {
    uint32_t state[8];
    hash_to_state(current().single, data, length, state);
    store_digest(state, digest);
}

static void hash_twice(const struct kernel *kernel, const uint8_t *data, size_t length, uint8_t *digest) {
    uint32_t state[8];
    uint8_t first[32];
    hash_to_state(kernel, data, length, state);
    store_digest(state, first);
    hash_to_state(kernel, first, 32, state);
    store_digest(state, digest);
}

void adit_sha256d(const uint8_t *data, size_t length, uint8_t digest[32]) {
    const struct kernel *kernel = current().single;
    if (length == 80) {
        kernel->header(data, digest);
    } else {
        hash_twice(kernel, data, length, digest);
    }
}

void adit_sha256d_header(const uint8_t header[80], uint8_t digest[32]) { current().single->header(header, digest); }

void adit_sha256d_tail(const uint32_t midstate[8], const uint8_t tail[16], uint8_t digest[32]) {
    current().single->tail(midstate, tail, digest);
}

/// A few are done sooner one by one than in lanes that are mostly empty.
static int is_few(size_t count, const struct batch forms[2]) { return forms[1].lanes > 4 * count; }

/// Runs a batch of any size through a form of a kernel: whole groups, then one that is filled up with zeros.
static void run_batch(const struct batch forms[2], const uint8_t *rows, size_t stride, size_t count, uint8_t *digests) {
    while (count > 0) {
        // The wide form also for a rest that would take the narrow one as long.
        const struct batch *form = &forms[count + forms[1].lanes > forms[0].lanes ? 0 : 1];
        if (count >= form->lanes) {
            form->run(rows, digests);
        } else {
            uint8_t filled[48 * 80] = {0}, out[48 * 32];
            memcpy(filled, rows, count * stride);
            form->run(filled, out);
            memcpy(digests, out, count * 32);
        }
        const size_t done = count < form->lanes ? count : form->lanes;
        rows += done * stride, digests += done * 32, count -= done;
    }
}

void adit_sha256d_headers(const uint8_t *headers, size_t count, uint8_t *digests) {
    const struct choice now = current();
    if (is_few(count, now.many->headers)) {
        for (; count > 0; count--, headers += 80, digests += 32) now.single->header(headers, digests);
    } else {
        run_batch(now.many->headers, headers, 80, count, digests);
    }
}

void adit_sha256d_pairs(const uint8_t *nodes, size_t pairs, uint8_t *out) {
    const struct choice now = current();
    if (is_few(pairs, now.many->pairs)) {
        for (; pairs > 0; pairs--, nodes += 64, out += 32) hash_twice(now.single, nodes, 64, out);
    } else {
        run_batch(now.many->pairs, nodes, 64, pairs, out);
    }
}

// MARK: Scans

uint64_t adit_sha256d_scan_versions(const uint32_t *midstates, size_t midstate_count, const uint8_t tail[12],
                                    uint32_t first, uint32_t step, uint64_t count, uint32_t top_limit,
                                    struct adit_sha256d_hit *hits, size_t capacity, size_t *found) {
    *found = 0;
    if (midstate_count == 0 || midstate_count > MIDSTATES || capacity < midstate_count) return 0;
    const struct search *forms = current().many->scan;
    struct scan scan = {.step = step, .top_limit = top_limit, .midstates = midstate_count};
    memcpy(scan.midstate, midstates, midstate_count * sizeof scan.midstate[0]);
    for (int i = 0; i < 3; i++) scan.tail[i] = load_be(tail + 4 * i);
    adit_prepare(&scan);
    uint64_t tried = 0;
    while (tried < count) {
        const uint64_t left = count - tried;
        const struct search *form = &forms[left + forms[1].lanes > forms[0].lanes ? 0 : 1];
        const uint64_t lanes = left < form->lanes ? left : form->lanes;
        uint64_t masks[MIDSTATES], any = 0;
        form->run(&scan, first + (uint32_t)tried * step, masks);
        for (size_t m = 0; m < midstate_count; m++) any |= masks[m];
        any &= ~0ull >> (64 - lanes);
        for (; any != 0; any &= any - 1) {
            const uint64_t lane = (uint64_t)__builtin_ctzll(any);
            for (uint32_t m = 0; m < midstate_count; m++) {
                if ((masks[m] >> lane & 1) == 0) continue;
                hits[(*found)++] = (struct adit_sha256d_hit){m, first + (uint32_t)(tried + lane) * step};
            }
            if (capacity - *found < midstate_count) return tried + lane + 1;
        }
        tried += lanes;
    }
    return count;
}

uint64_t adit_sha256d_scan_stepped(const uint32_t midstate[8], const uint8_t tail[12], uint32_t first, uint32_t step,
                                   uint64_t count, uint32_t top_limit, uint32_t *nonces, size_t capacity,
                                   size_t *found) {
    // Hits come through a small buffer, so that the two scans share one walk.
    struct adit_sha256d_hit hits[64];
    uint64_t tried = 0;
    *found = 0;
    while (tried < count && *found < capacity) {
        const size_t room = capacity - *found < 64 ? capacity - *found : 64;
        size_t some;
        tried += adit_sha256d_scan_versions(midstate, 1, tail, first + (uint32_t)tried * step,
                                            step, count - tried, top_limit, hits, room, &some);
        for (size_t i = 0; i < some; i++) nonces[(*found)++] = hits[i].nonce;
    }
    return tried;
}

uint64_t adit_sha256d_scan(const uint32_t midstate[8], const uint8_t tail[12], uint32_t first, uint64_t count,
                           uint32_t top_limit, uint32_t *nonces, size_t capacity, size_t *found) {
    return adit_sha256d_scan_stepped(midstate, tail, first, 1, count, top_limit, nonces, capacity, found);
}
