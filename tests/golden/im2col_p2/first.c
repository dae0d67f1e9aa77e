... 3 lines
 * Algorithm  im2col_p2
... 5 lines
 * Taps outside the image become -1 in the patch.
 * Printed from templates/algorithms/im2col.c.j2.
... 66 lines
#define FIRST__PATCHES 2 /* gathered before they are multiplied */
#define FIRST__PATCH 27 /* elements of a patch, all groups */
... 14 lines
 * On the stack: input, output and the end of the constants.
... 211 lines
            const int8_t *run = input;
... 8 lines
/* Multiplies `count` patches by all weights and stores their output pixels. */
static FIRST__CODE void first__multiply(const int8_t *input, int32_t count, int8_t *output)
{
    for (; count >= 2; count -= 2) {
        first__pixels_2(input, first__weights, output);
        input += 2 * FIRST__PATCH;
... 4 lines
/* A loop, since runs are often too short for memcpy to pay. */
static FIRST__CODE void first__copy(int8_t *to, const int8_t *from, int32_t count)
... 2 lines
        to[k] = from[k];
... 3 lines
static FIRST__CODE void first__fill(int8_t *to, int32_t count)
... 2 lines
        to[k] = -1;
... 3 lines
/* Gathers the patch whose first tap is at (in_row, in_col). */
static FIRST__CODE void first__gather(
    const int8_t *input, int32_t in_row, int32_t in_col, int8_t *patch)
... 3 lines
        const int row_inside = row >= 0 && row < FIRST__IN_H;

        if (row_inside && in_col >= 0 && in_col + FIRST__KERNEL_W <= FIRST__IN_W) {
            first__copy(patch, input + (row * FIRST__IN_W + in_col) * FIRST__IN_C, FIRST__KERNEL_W * FIRST__IN_C);
            patch += FIRST__KERNEL_W * FIRST__IN_C;
            continue;
... 4 lines
            if (row_inside && col >= 0 && col < FIRST__IN_W) {
                first__copy(patch, input + (row * FIRST__IN_W + col) * FIRST__IN_C, FIRST__IN_C);
            } else {
                first__fill(patch, FIRST__IN_C);
            }
            patch += FIRST__IN_C;
... 6 lines
    int8_t *const patches = workspace;

    int8_t *patch = patches;
... 3 lines
            first__gather(
                input, out_row * FIRST__STRIDE_H - FIRST__PAD_TOP, out_col * FIRST__STRIDE_W - FIRST__PAD_LEFT, patch);
            patch += FIRST__PATCH;
            if (patch == patches + FIRST__PATCHES * FIRST__PATCH) {
                first__multiply(patches, FIRST__PATCHES, output);
                output += FIRST__PATCHES * FIRST__OUT_C;
                patch = patches;
... 4 lines
