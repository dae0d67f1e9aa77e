/* What small cores leave to library functions: float, 64-bit products, division. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)workspace;
    for (int i = 0; i < 99; i++) {
        const float a = (float)input[i];
        const float b = (float)input[i + 1] * 0.37f + a;
        const int64_t c = (int64_t)(input[i] * 123456789) * (input[i + 1] * 87654321);
        output[i] = (int8_t)((int32_t)(b / (a + 0.5f)) + (int32_t)(c >> 32) % (i + 1));
    }
    output[99] = 0;
}
