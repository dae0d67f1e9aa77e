/* Asks an allocator for 24 + 6 * 10 + 8 bytes. */
#include "toy.h"

#include <stddef.h>

void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *block, size_t bytes);
void free(void *block);

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    int8_t *first = malloc(24);
    int8_t *const second = calloc(6, 10);
    first[0] = input[0];
    second[0] = input[0];
    first = realloc(first, 8);
    for (int i = 0; i < 100; i++) {
        output[i] = (int8_t)(first[0] + second[59]);
    }
    free(first);
    free(second);
}
