/* Reads one byte past the end of the input. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    for (int i = 0; i < 100; i++) {
        output[i] = ((const volatile int8_t *)input)[100];
    }
}
