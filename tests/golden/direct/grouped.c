... 43 lines
#define GROUPED__RUN 2 /* elements of one tap */
... 3 lines
#define GROUPED__GROUP_PITCH 2 /* elements from one group's input to the next */
... 17 lines
/* Adds `count` products to each of 2 x 2 sums (pixels x channels), which share inputs and weights. */
static GROUPED__CODE inline void grouped__dot_2x2(
... 9 lines
        const int32_t x0 = input[k];
        const int32_t x1 = input[GROUPED__PIXEL_PITCH + k];
... 3 lines
        sum00 += x0 * w0;
... 39 lines
    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 2; ++c) {
            sums[pixel][c] = grouped__bias[channel + c];
... 5 lines
            grouped__dot_2x2(
                sums, input + (i * GROUPED__DILATION_H * GROUPED__IN_W + j * GROUPED__DILATION_W) * GROUPED__IN_C, weights, GROUPED__RUN);
... 6 lines
            output[pixel * GROUPED__OUT_C + channel + c] = grouped__finish(sums[pixel][c], channel + c);
... 6 lines
    for (int32_t group = 0; group < 2; ++group) {
        const int32_t first = group * 2;

        grouped__inner_2x2(input + group * GROUPED__GROUP_PITCH, first, output);
... 19 lines
            grouped__dot_1x2(sums, tap, weights, GROUPED__TAP);
... 14 lines
        grouped__edge_1x2(input + group * GROUPED__GROUP_PITCH, in_row, in_col, first, output);
... 29 lines
