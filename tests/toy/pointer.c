/* Calls through a pointer: no static bound of the stack. */
#include "toy.h"

static int8_t one(int8_t value) {
    return (int8_t)(value + 1);
}

static int8_t two(int8_t value) {
    return (int8_t)(value + 2);
}

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    int8_t (*volatile const functions[2])(int8_t) = {one, two};
    for (int i = 0; i < 100; i++) {
        output[i] = functions[i & 1](input[i]);
    }
}
