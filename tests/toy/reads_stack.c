/* Uses a variable that nobody has set. */
#include "toy.h"

__attribute__((noinline)) static void keep(volatile int8_t *variable, int8_t value) {
    if (value == 99) {
        variable[0] = value;
    }
}

void toy(const int8_t *input, int8_t *output, void *workspace) {
    volatile int8_t variables[64];
    (void)workspace;
    keep(variables, input[0]);
    for (int i = 0; i < 100; i++) {
        if (i != 3) {
            output[i] = input[i];
        }
    }
    output[3] = variables[0];
}
