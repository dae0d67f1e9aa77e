/* Output in the place of the input. */
#include "pool.h"

void pool(void *pool, void *workspace) {
    int8_t *const bytes = pool;
    (void)workspace;
    for (int i = 0; i < 100; i++) {
        bytes[i] = (int8_t)(bytes[i + 20] + 1);
    }
}
