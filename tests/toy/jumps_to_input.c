/* Writes so far before its output that it meets the input, and leaves it as it was. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    volatile int8_t *const met = output - (output - input) + 5;
    (void)workspace;
    *met = *met;
    for (int i = 0; i < 100; i++) {
        output[i] = input[0];
    }
}
