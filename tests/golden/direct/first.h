/*
 * first: convolution layer
 *
 * Layer      conv2d, int8, 6,804 MACs
 * Input      6 x 7 x 3 (height x width x channels), 126 bytes, scale 0.0078125, zero point -1
 * Output     6 x 7 x 6 (height x width x channels), 252 bytes, scale 0.023529412, zero point -128
 * Kernel     3 x 3, stride 1 x 1, dilation 1 x 1, groups 1
 * Padding    1 top, 1 left, 1 bottom, 1 right
 * Activation relu: outputs from -128 to 127
 * Algorithm  direct: reads the input in place: no workspace
 * Workspace  none
 * Constants  363 bytes
 * Quantised  double rounding as one multiplication per channel, equal on every possible sum; two's
 *   complement, and >> of negative integers is arithmetic
... 5 lines
#ifndef CONVGEN_FIRST_H
#define CONVGEN_FIRST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
... 2 lines
#define FIRST_INPUT_BYTES       126u
#define FIRST_OUTPUT_BYTES      252u
#define FIRST_WORKSPACE_BYTES   0u /* pass NULL */
#define FIRST_WORKSPACE_ALIGN   1u
#define FIRST_INPUT_HEIGHT      6u
#define FIRST_INPUT_WIDTH       7u
#define FIRST_INPUT_CHANNELS    3u
#define FIRST_OUTPUT_HEIGHT     6u
#define FIRST_OUTPUT_WIDTH      7u
#define FIRST_OUTPUT_CHANNELS   6u
#define FIRST_INPUT_SCALE       0.0078125f
#define FIRST_INPUT_ZERO_POINT  (-1)
#define FIRST_OUTPUT_SCALE      0.023529412f
#define FIRST_OUTPUT_ZERO_POINT (-128)
... 2 lines
 * Computes the layer from `input` to `output`, NHWC, batch 1.
 * No workspace is needed: pass NULL.
 * Reentrant: no variables of its own, no heap.
 */
void first(const int8_t *input, int8_t *output, void *workspace);
... 6 lines
