// SHA-256 and SHA-256d for block headers: the one loop of Adit worth C.
//
// Contract. No function allocates or reads beyond the lengths it names; all may be called from any thread. Pointers may
// have any alignment and must not be null where a length is above zero. A state is eight 32-bit words in host order
// (FIPS 180-4, section 6.2); digests are 32 bytes as the standard prints them, which is also the order in which
// Bitcoin puts a hash on the wire.
//
// Kernels. Each function exists for several instruction sets. The first call asks what this machine has, compares every
// kernel that it could run with the portable one, and leaves out what disagrees. The environment variable ADIT_SHA256D
// (portable, shani, avx2, avx512, armv8) makes all functions use one kernel; it is read once.
#ifndef ADIT_CSHA256D_H
#define ADIT_CSHA256D_H

#include <stddef.h>
#include <stdint.h>

enum adit_sha256d_standing {
    /// This machine lacks its instructions.
    ADIT_SHA256D_ABSENT,
    /// It runs here and agrees with the portable kernel.
    ADIT_SHA256D_USABLE,
    /// It runs here and gave a wrong answer: never used.
    ADIT_SHA256D_WRONG,
};

struct adit_sha256d_kernel {
    /// A word in lower case, static.
    const char *name;
    enum adit_sha256d_standing standing;
    /// Whether it is what the calling thread uses for one block or header at a time (0 or 1).
    int hashes_one;
    /// Whether it is what the calling thread uses for batches and scans (0 or 1).
    int hashes_many;
};

/// Writes at most `capacity` of the kernels of this architecture and returns how many there are, at most 4.
size_t adit_sha256d_kernels(struct adit_sha256d_kernel *kernels, size_t capacity);

/// Makes the calling thread use one kernel for everything, or the automatic choice again (null): for comparisons side by
/// side. Returns 1, or 0 and changes nothing when no usable kernel has this name.
int adit_sha256d_use(const char *name);

/// The beginning of what ADIT_SHA256D asked for when no usable kernel has that name; null otherwise.
const char *adit_sha256d_refused(void);

/// The initial state of FIPS 180-4, section 5.3.3.
void adit_sha256_init(uint32_t state[8]);

/// Compresses `blocks` blocks of 64 bytes into `state`.
void adit_sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks);

/// SHA-256 of `length` bytes.
void adit_sha256(const uint8_t *data, size_t length, uint8_t digest[32]);

/// SHA-256 of the SHA-256 of `length` bytes.
void adit_sha256d(const uint8_t *data, size_t length, uint8_t digest[32]);

/// SHA-256d of two 32-byte nodes, `pairs` times: the inner loop of a merkle tree. `nodes` holds 64 bytes a pair,
/// `out` receives 32 bytes a pair and may be the start of `nodes`.
void adit_sha256d_pairs(const uint8_t *nodes, size_t pairs, uint8_t *out);

/// SHA-256d of one header of 80 bytes.
void adit_sha256d_header(const uint8_t header[80], uint8_t digest[32]);

/// SHA-256d of `count` headers of 80 bytes, one after the other in `headers`, to 32 bytes each in `digests`, which must
/// not overlap them.
void adit_sha256d_headers(const uint8_t *headers, size_t count, uint8_t *digests);

/// SHA-256d of an 80-byte header whose first 64 bytes gave `midstate`; `tail` is its last 16 bytes.
void adit_sha256d_tail(const uint32_t midstate[8], const uint8_t tail[16], uint8_t digest[32]);

/// Tries `count` nonces from `first` upwards (wrapping at 2^32) on the header with this midstate and whose bytes
/// 64 to 75 are `tail`. A hit is a hash whose top 32 bits, read as a 256-bit little-endian number, are at most
/// `top_limit`: a cheap filter which the caller completes with the whole hash. Hits are written to `hits` in
/// ascending order of trial, at most `capacity`; the search stops when it is full.
/// Returns the number of nonces tried; `*found` receives the number of hits.
uint64_t adit_sha256d_scan(const uint32_t midstate[8], const uint8_t tail[12], uint32_t first, uint64_t count,
                           uint32_t top_limit, uint32_t *hits, size_t capacity, size_t *found);

/// The same for the nonces first, first + step, first + 2 step, ... (mod 2^32).
uint64_t adit_sha256d_scan_stepped(const uint32_t midstate[8], const uint8_t tail[12], uint32_t first, uint32_t step,
                                   uint64_t count, uint32_t top_limit, uint32_t *hits, size_t capacity,
                                   size_t *found);

/// How many midstates one scan can serve.
#define ADIT_SHA256D_MIDSTATES 8

struct adit_sha256d_hit {
    /// Index into the midstates of the scan.
    uint32_t midstate;
    uint32_t nonce;
};

/// Tries every nonce on several headers that differ in their first 64 bytes only (rolled versions): their midstates, 1
/// to ADIT_SHA256D_MIDSTATES of eight words each, share each nonce's message schedule. Hits come in the order of nonces,
/// then of midstates. The search stops after a nonce that leaves room for fewer than `midstate_count` hits, so that none
/// is ever lost: it goes on from first + step x (what it returned). With less room than that, or another number of
/// midstates, it tries nothing.
/// Returns the number of nonces tried; `*found` receives the number of hits.
uint64_t adit_sha256d_scan_versions(const uint32_t *midstates, size_t midstate_count, const uint8_t tail[12],
                                    uint32_t first, uint32_t step, uint64_t count, uint32_t top_limit,
                                    struct adit_sha256d_hit *hits, size_t capacity, size_t *found);

#endif
