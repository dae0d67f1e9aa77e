/* Changes its input. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    output[0] = 0;
    ((int8_t *)(uintptr_t)input)[42] ^= 1;
}
