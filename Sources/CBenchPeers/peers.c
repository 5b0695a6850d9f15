#include "CBenchPeers.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

// Layout of SHA256_CTX in OpenSSL 1.1 to 3 (openssl/sha.h); the room behind it allows for a larger one.
struct context {
    uint32_t h[8], counts[2], data[16];
    unsigned used, length;
    uint8_t room[128];
};

static struct {
    const char *(*version)(int);
    int (*init)(struct context *);
    int (*update)(struct context *, const void *, size_t);
    int (*final)(uint8_t *, struct context *);
    void (*transform)(struct context *, const uint8_t *);
    uint8_t *(*one_shot)(const uint8_t *, size_t, uint8_t *);
    void *(*fetch)(void *, const char *, const char *);
    void *(*new_context)(void);
    int (*evp_init)(void *, const void *, void *);
    int (*evp_update)(void *, const void *, size_t);
    int (*evp_final)(void *, uint8_t *, unsigned *);
    void *evp, *algorithm;
} openssl;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
#define FIND(field, name) *(void **)&openssl.field = dlsym(library, name)
    FIND(version, "OpenSSL_version");
    FIND(init, "SHA256_Init");
    FIND(update, "SHA256_Update");
    FIND(final, "SHA256_Final");
    FIND(transform, "SHA256_Transform");
    FIND(one_shot, "SHA256");
    FIND(fetch, "EVP_MD_fetch");
    FIND(new_context, "EVP_MD_CTX_new");
    FIND(evp_init, "EVP_DigestInit_ex2");
    FIND(evp_update, "EVP_DigestUpdate");
    FIND(evp_final, "EVP_DigestFinal_ex");
#undef FIND
    if (openssl.fetch && openssl.new_context && openssl.evp_init && openssl.evp_update && openssl.evp_final) {
        openssl.algorithm = openssl.fetch(NULL, "SHA256", NULL);
        openssl.evp = openssl.new_context();
    }
}

const char *adit_openssl_version(void) {
    pthread_once(&once, load);
    return openssl.version ? openssl.version(0) : NULL;
}

int adit_openssl_low_level(const uint8_t header[80], uint8_t digest[32]) {
    pthread_once(&once, load);
    if (!openssl.init || !openssl.update || !openssl.final) return 0;
    struct context context;
    uint8_t first[32];
    openssl.init(&context), openssl.update(&context, header, 80), openssl.final(first, &context);
    openssl.init(&context), openssl.update(&context, first, 32), openssl.final(digest, &context);
    return 1;
}

int adit_openssl_one_shot(const uint8_t header[80], uint8_t digest[32]) {
    pthread_once(&once, load);
    if (!openssl.one_shot) return 0;
    uint8_t first[32];
    openssl.one_shot(header, 80, first);
    openssl.one_shot(first, 32, digest);
    return 1;
}

int adit_openssl_evp(const uint8_t header[80], uint8_t digest[32]) {
    pthread_once(&once, load);
    if (!openssl.evp || !openssl.algorithm) return 0;
    uint8_t first[32];
    unsigned length = 0;
    openssl.evp_init(openssl.evp, openssl.algorithm, NULL);
    openssl.evp_update(openssl.evp, header, 80);
    openssl.evp_final(openssl.evp, first, &length);
    openssl.evp_init(openssl.evp, openssl.algorithm, NULL);
    openssl.evp_update(openssl.evp, first, 32);
    return openssl.evp_final(openssl.evp, digest, &length);
}

static void store_words(uint8_t *p, const uint32_t words[8]) {
    for (int i = 0; i < 8; i++) {
        const uint32_t x = __builtin_bswap32(words[i]);
        memcpy(p + 4 * i, &x, 4);
    }
}

int adit_openssl_transform(const uint32_t midstate[8], const uint8_t tail[16], uint8_t digest[32]) {
    pthread_once(&once, load);
    if (!openssl.init || !openssl.transform) return 0;
    struct context context;
    uint8_t block[64] = {0};
    memcpy(block, tail, 16);
    block[16] = 0x80, block[62] = 0x02, block[63] = 0x80;
    openssl.init(&context);
    memcpy(context.h, midstate, 32);
    openssl.transform(&context, block);
    memset(block, 0, sizeof block);
    store_words(block, context.h);
    block[32] = 0x80, block[62] = 0x01;
    openssl.init(&context);
    openssl.transform(&context, block);
    store_words(digest, context.h);
    return 1;
}

uint64_t adit_thread_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void adit_dependent_additions(uint64_t count) {
    uint64_t x = 1;
    for (uint64_t i = 0; i < count; i += 8) {
#if defined(__x86_64__)
        __asm__ volatile(
            "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0"
            : "+r"(x));
#elif defined(__aarch64__)
        __asm__ volatile(
            "add %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\t"
            "add %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1"
            : "+r"(x));
#endif
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static void many_wide_operations(uint64_t times) {
    __m512i x[16];
    for (int i = 0; i < 16; i++) x[i] = _mm512_set1_epi32(i);
    for (uint64_t i = 0; i < times; i++) {
        // Sixteen chains: more than a latency times the operations that start in a cycle.
#pragma clang loop unroll(full)
        for (int j = 0; j < 16; j++) {
            __asm__ volatile("vpaddd %0, %0, %0\n\tvpternlogd $0x96, %0, %0, %0" : "+v"(x[j]));
        }
    }
}

uint64_t adit_wide_operations(uint64_t count) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512f")) return 0;
    const uint64_t times = (count + 31) / 32;
    many_wide_operations(times);
    return 32 * times;
}
#else
uint64_t adit_wide_operations(uint64_t count) {
    (void)count;
    return 0;
}
#endif
