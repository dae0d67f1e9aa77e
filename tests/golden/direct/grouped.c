... 43 lines
#define GROUPED__RUN 2 /* elements of one tap */
#define GROUPED__OUT_C 4
#define GROUPED__DEPTH 18 /* products of one sum */
#define GROUPED__PIXEL_PITCH 4 /* elements from pixel to pixel of a block */
#define GROUPED__GROUP_PITCH 2 /* elements from one group's input to the next */
#define GROUPED__FINISH_MIN (-128) /* activation range less the output zero point */
... 16 lines
/* Adds `count` products to each of 2 x 2 sums (pixels x channels), which share inputs and weights. */
static GROUPED__CODE inline void grouped__dot_2x2(
    int32_t sums[2][2], const int8_t *input,
... 8 lines
        const int32_t x0 = input[k];
        const int32_t x1 = input[GROUPED__PIXEL_PITCH + k];
        const int32_t w0 = weights[2 * k];
... 2 lines
        sum00 += x0 * w0;
        sum01 += x0 * w1;
... 2 lines
    }
... 17 lines
        const int32_t w0 = weights[2 * k];
... 17 lines
    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 2; ++c) {
            sums[pixel][c] = grouped__bias[channel + c];
        }
... 3 lines
        for (int32_t j = 0; j < GROUPED__KERNEL_W; ++j) {
            grouped__dot_2x2(
                sums, input + (i * GROUPED__DILATION_H * GROUPED__IN_W + j * GROUPED__DILATION_W) * GROUPED__IN_C, weights, GROUPED__RUN);
            weights += 2 * GROUPED__RUN;
        }
... 4 lines
            output[pixel * GROUPED__OUT_C + channel + c] = grouped__finish(sums[pixel][c], channel + c);
        }
... 5 lines
    for (int32_t group = 0; group < 2; ++group) {
        const int32_t first = group * 2;

        grouped__inner_2x2(input + group * GROUPED__GROUP_PITCH, first, output);
    }
... 18 lines
            grouped__dot_1x2(sums, tap, weights, GROUPED__TAP);
            weights += 2 * GROUPED__TAP;
... 13 lines
        grouped__edge_1x2(input + group * GROUPED__GROUP_PITCH, in_row, in_col, first, output);
    }
... 20 lines
            output += 2 * GROUPED__OUT_C;
        }
... 6 lines
