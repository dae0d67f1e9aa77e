/* A layer as it should be: output = 3 * input, by way of the workspace. */
#include "toy.h"

#include <string.h>

static const int8_t factors[4] = {3, 3, 3, 3};

void toy(const int8_t *input, int8_t *output, void *workspace) {
    int8_t *const copy = workspace;
    memcpy(copy, input, 100);
    for (int i = 0; i < 100; i++) {
        output[i] = (int8_t)(copy[i] * factors[i & 3]);
    }
}
