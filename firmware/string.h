/* For C compilers that come without a C library; memory.c defines these. */
#ifndef CONVGEN_H_STRING
#define CONVGEN_H_STRING

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
