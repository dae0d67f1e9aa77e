/* Writes one byte past the end of the workspace. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    output[0] = input[0];
    ((int8_t *)workspace)[100] = input[0];
}
