#ifndef START_H
#define START_H

#include <stddef.h>

int main(void);
void print_bytes(const void *bytes, size_t count);

#endif
