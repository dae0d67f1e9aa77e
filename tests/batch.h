/* The layers of one image, as batch.py prints them. */
#ifndef BATCH_H
#define BATCH_H

#include "harness.h"

enum { BATCH_INPUTS = 2 };

struct batch_layer {
    convgen_entry *function; /* of inputs, output and workspace or, with a pool, of two pointers */
    convgen_entry *init; /* called once before; NULL if there is none */
    unsigned vectors;
    bool keeps_input;
    size_t inputs; /* tensors */
    size_t input_bytes[BATCH_INPUTS], output_bytes;
    size_t pool_bytes; /* 0: the tensors are apart */
    size_t input_offset[BATCH_INPUTS], output_offset; /* in the pool */
    size_t tensor_align;
    size_t workspace_bytes, workspace_align;
};

extern const struct batch_layer batch_layers[];
extern const size_t batch_count;

#endif
