/* Writes to its constants. */
#include "toy.h"

static const int8_t weights[8] = {1, 2, 3, 4, 5, 6, 7, 8};

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    *(volatile int8_t *)(uintptr_t)&weights[input[0] & 7] = 9;
    for (int i = 0; i < 100; i++) {
        output[i] = *(const volatile int8_t *)&weights[1];
    }
}
