/*
 * The C library's memory functions, a word at a time where addresses allow, for machines
 * without a C library. Built with -fno-tree-loop-distribute-patterns: else the compiler makes
 * the loop in memcpy a call of memcpy.
 */
#include "string.h"

#include <stdint.h>

typedef uintptr_t __attribute__((may_alias)) word;

static int both_aligned(const void *a, const void *b) {
    return (((uintptr_t)a | (uintptr_t)b) % sizeof(word)) == 0;
}

/* Bytes before the first word boundary at or after p. */
static size_t bytes_to_boundary(const void *p) {
    return (size_t)(-(uintptr_t)p % sizeof(word));
}

void *memcpy(void *to, const void *from, size_t bytes) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if (bytes >= 2 * sizeof(word) && both_aligned((void *)((uintptr_t)to ^ (uintptr_t)from), 0)) {
        for (size_t lead = bytes_to_boundary(to); lead != 0; lead--, bytes--) {
            *target++ = *source++;
        }
        for (; bytes >= 4 * sizeof(word); bytes -= 4 * sizeof(word)) {
            const word a = ((const word *)(const void *)source)[0];
            const word b = ((const word *)(const void *)source)[1];
            const word c = ((const word *)(const void *)source)[2];
            const word d = ((const word *)(const void *)source)[3];
            ((word *)(void *)target)[0] = a;
            ((word *)(void *)target)[1] = b;
            ((word *)(void *)target)[2] = c;
            ((word *)(void *)target)[3] = d;
            source += 4 * sizeof(word);
            target += 4 * sizeof(word);
        }
        for (; bytes >= sizeof(word); bytes -= sizeof(word)) {
            *(word *)(void *)target = *(const word *)(const void *)source;
            source += sizeof(word);
            target += sizeof(word);
        }
    }
    while (bytes-- != 0) {
        *target++ = *source++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    if ((uintptr_t)to - (uintptr_t)from >= bytes) {
        return memcpy(to, from, bytes); /* reads run ahead of writes */
    }
    unsigned char *target = (unsigned char *)to + bytes;
    const unsigned char *source = (const unsigned char *)from + bytes;
    while (bytes-- != 0) {
        *--target = *--source;
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    unsigned char *target = to;
    const word pattern = (word)-1 / 255u * (unsigned char)value;
    if (bytes >= 2 * sizeof(word)) {
        for (size_t lead = bytes_to_boundary(to); lead != 0; lead--, bytes--) {
            *target++ = (unsigned char)value;
        }
        for (; bytes >= sizeof(word); bytes -= sizeof(word)) {
            *(word *)(void *)target = pattern;
            target += sizeof(word);
        }
    }
    while (bytes-- != 0) {
        *target++ = (unsigned char)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
    const unsigned char *left = a;
    const unsigned char *right = b;
    for (; bytes != 0; bytes--, left++, right++) {
        if (*left != *right) {
            return *left < *right ? -1 : 1;
        }
    }
    return 0;
}
