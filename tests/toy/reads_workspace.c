/* Uses a word of the workspace that nobody has set. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    const volatile int8_t *const kept = workspace;
    for (int i = 0; i < 100; i++) {
        if (i != 3) {
            output[i] = input[i];
        }
    }
    output[3] = (int8_t)(kept[12] + input[3]);
}
