/* Adds to an output that nobody has set. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    for (int i = 0; i < 100; i++) {
        if (i != 7) {
            output[i] = input[i];
        }
    }
    output[7] = (int8_t)(output[7] + input[7]);
}
