/* An allocator that counts what is asked of it and never takes anything back. */
#include "harness.h"

#ifndef HEAP_BYTES
#define HEAP_BYTES 65536u
#endif
#define HEAP_ALIGN 16u

void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *block, size_t bytes);
void free(void *block);

size_t convgen_heap_bytes;
__attribute__((aligned(HEAP_ALIGN))) static unsigned char heap[HEAP_BYTES];
static size_t heap_used;

void *malloc(size_t bytes) {
    convgen_heap_bytes += bytes;
    if (bytes > HEAP_BYTES - heap_used) {
        return NULL;
    }
    void *const block = heap + heap_used;
    heap_used += bytes + (size_t)(-bytes % HEAP_ALIGN);
    return block;
}

void *calloc(size_t count, size_t bytes) {
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        return NULL;
    }
    return malloc(count * bytes); /* zero, as no block is ever given twice */
}

void *realloc(void *block, size_t bytes) {
    unsigned char *const larger = malloc(bytes);
    if (larger != NULL && block != NULL) {
        /* The old length is not known; what lies behind the old block is readable too. */
        const unsigned char *const old = block;
        const size_t readable = (size_t)(heap + HEAP_BYTES - old);
        for (size_t i = 0; i < bytes && i < readable; i++) {
            larger[i] = old[i];
        }
    }
    return larger;
}

void free(void *block) {
    (void)block;
}
