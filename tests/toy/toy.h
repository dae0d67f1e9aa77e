/* What every toy layer declares: 100 bytes in, 100 bytes out, a workspace of 100. */
#ifndef TOY_H
#define TOY_H

#include <stdint.h>

void toy(const int8_t *input, int8_t *output, void *workspace);

#endif
