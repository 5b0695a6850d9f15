// SHA-256 and SHA-256d for block headers: the one loop of Adit worth C.
//
// Contract. No function allocates, keeps state, or reads beyond the lengths it names. Pointers may have any
// alignment and must not be null where a length is above zero. A state is eight 32-bit words in host order
// (FIPS 180-4, section 6.2); digests are 32 bytes as the standard prints them, which is also the order in which
// Bitcoin puts a hash on the wire.
#ifndef ADIT_CSHA256D_H
#define ADIT_CSHA256D_H

#include <stddef.h>
#include <stdint.h>

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

/// SHA-256d of an 80-byte header whose first 64 bytes gave `midstate`; `tail` is its last 16 bytes.
void adit_sha256d_tail(const uint32_t midstate[8], const uint8_t tail[16], uint8_t digest[32]);

/// Tries `count` nonces from `first` upwards (wrapping at 2^32) on the header with this midstate and whose bytes
/// 64 to 75 are `tail`. A hit is a hash whose top 32 bits, read as a 256-bit little-endian number, are at most
/// `top_limit`: a cheap filter which the caller completes with the whole hash. Hits are written to `hits` in
/// ascending order of trial, at most `capacity`; the search stops when it is full.
/// Returns the number of nonces tried; `*found` receives the number of hits.
uint64_t adit_sha256d_scan(const uint32_t midstate[8], const uint8_t tail[12], uint32_t first, uint64_t count,
                           uint32_t top_limit, uint32_t *hits, size_t capacity, size_t *found);

#endif
