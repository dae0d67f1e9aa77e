/* A layer whose input and output share one buffer. */
#ifndef POOL_H
#define POOL_H

#include <stdint.h>

void pool(void *pool, void *workspace);

#endif
