/* A frame larger than any guard zone: the stack is left in one leap. */
#include "toy.h"

__attribute__((noinline)) static int8_t touch(volatile int8_t *bytes) {
    bytes[0] = 1;
    return bytes[0];
}

void toy(const int8_t *input, int8_t *output, void *workspace) {
    volatile int8_t frame[20000];
    (void)input;
    (void)workspace;
    output[0] = touch(frame);
}
