/* Never returns. */
#include "toy.h"

void toy(const int8_t *input, int8_t *output, void *workspace) {
    (void)input;
    (void)workspace;
    for (;;) {
        *(volatile int8_t *)output = 1;
    }
}
