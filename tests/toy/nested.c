/* Frames below frames: 64 bytes of stack that are written, two calls deep, a switch. */
#include "toy.h"

#include <string.h>

__attribute__((noinline)) static int spread(const int8_t *from, int8_t *to) {
    int8_t copy[64];
    memcpy(copy, from, (size_t)(from[0] & 63) + 1);
    switch (from[0] & 7) {
    case 0: to[0] = copy[0]; break;
    case 1: to[1] = 7; break;
    case 2: memset(to, 9, (size_t)(from[0] & 15)); break;
    case 3: to[3] = from[2]; break;
    case 4: to[4] = from[3]; break;
    case 5: memmove(to, to + 1, (size_t)(from[0] & 15)); break;
    default: to[6] = copy[0]; break;
    }
    return to[0];
}

void toy(const int8_t *input, int8_t *output, void *workspace) {
    volatile int sums[10] = {0};
    memset(output, 0, 100);
    memset(workspace, 0, 100);
    for (int i = 0; i < 50; i++) {
        sums[i % 10] += spread(input + i, output + i);
    }
    output[99] = (int8_t)sums[3];
}
