/* Writes so far before its buffers that it meets the free end of its stack. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    volatile int8_t here;
    (void)workspace;
    for (int i = 0; i < 100; i++) {
        output[i] = input[0];
    }
    *(volatile int8_t *)((uintptr_t)&here - 300u) = 1;
}
