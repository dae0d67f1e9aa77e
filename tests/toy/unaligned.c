/* Reads a word from an odd address. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    for (int i = 0; i < 100; i++) {
        output[i] = (int8_t)*(volatile const int32_t *)((uintptr_t)input + 1);
    }
}
