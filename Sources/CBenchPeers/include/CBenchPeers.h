// What benchmarks compare Adit with, and measure it by: OpenSSL's SHA-256, and the processor's own pace.
//
// OpenSSL is looked for when the process runs (libcrypto.so.3), so nothing links with it. Digests are 32 bytes in the
// order of FIPS 180-4. Not for use by several threads at once.
#ifndef ADIT_CBENCHPEERS_H
#define ADIT_CBENCHPEERS_H

#include <stdint.h>

/// Looks for OpenSSL once. Returns its version as it prints it, or null when there is none here.
const char *adit_openssl_version(void);

/// SHA-256d of a header by SHA256_Init, SHA256_Update and SHA256_Final, twice. All of these return 1, or 0 when this
/// OpenSSL lacks the functions.
int adit_openssl_low_level(const uint8_t header[80], uint8_t digest[32]);

/// The same by SHA256(), twice.
int adit_openssl_one_shot(const uint8_t header[80], uint8_t digest[32]);

/// The same by EVP with a fetched algorithm and one context for all calls.
int adit_openssl_evp(const uint8_t header[80], uint8_t digest[32]);

/// The same by SHA256_Transform, from the state after 64 bytes and the last 16 bytes.
int adit_openssl_transform(const uint32_t midstate[8], const uint8_t tail[16], uint8_t digest[32]);

/// Processor time of the calling thread in nanoseconds: what others take from it while it waits does not count.
uint64_t adit_thread_nanoseconds(void);

/// `count` additions of which each waits for the one before: one a cycle on every processor since the 1990s.
void adit_dependent_additions(uint64_t count);

/// At least `count` independent operations on vectors of 512 bits (half sums, half three-input logic), as fast as the
/// processor starts them. Returns how many, or 0 without AVX-512.
uint64_t adit_wide_operations(uint64_t count);

#endif
