/* Writes three bytes beyond the output, leaving out one. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    output[101] = input[0];
    output[102] = input[0];
    output[103] = input[0];
}
