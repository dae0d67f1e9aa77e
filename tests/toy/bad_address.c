/* Writes where no machine here has memory. */
#include "toy.h"

__attribute__((noinline)) static void write_nowhere(int8_t value) {
    *(volatile int8_t *)(uintptr_t)0xF0001000u = value;
}

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    output[0] = input[0];
    write_nowhere(input[0]);
    output[1] = input[0];
}
