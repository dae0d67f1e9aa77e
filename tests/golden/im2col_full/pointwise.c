... 3 lines
 * Algorithm  im2col_full
... 5 lines
 * A 1x1 patch is the pixel itself: nothing is copied.
... 213 lines
 *   lr               what addends change by for negative sums
... 201 lines
    for (; count >= 1; --count) {
        pointwise__pixels_1(input, pointwise__weights, output);
        input += POINTWISE__PATCH;
... 8 lines
    pointwise__multiply(input, POINTWISE__OUT_H * POINTWISE__OUT_W, output);
}
