/* Reads a word of which two bytes are the input's last. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    output[0] = (int8_t)*(volatile const int32_t *)((uintptr_t)input + 98);
}
