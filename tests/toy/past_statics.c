/* Writes one byte past the last of its own variables, the end of the layer's memory. */
#include "toy.h"

static volatile int8_t zero[5];

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    zero[(input[0] & 1) + 4] = 1;
    for (int i = 0; i < 100; i++) {
        output[i] = zero[4];
    }
}
