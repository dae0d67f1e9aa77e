/* The layers of one image, as batch.py prints them. */
#ifndef BATCH_H
#define BATCH_H

#include "harness.h"

struct batch_layer {
    convgen_entry *function; /* of three pointers or, with a pool and for init, two */
    convgen_entry *init; /* called once before; NULL if there is none */
    unsigned inputs;
    bool keeps_input;
    size_t input_bytes, output_bytes;
    size_t pool_bytes; /* 0: input and output are apart */
    size_t input_offset, output_offset; /* in the pool */
    size_t tensor_align;
    size_t workspace_bytes, workspace_align;
};

extern const struct batch_layer batch_layers[];
extern const size_t batch_count;

#endif
