... 7 lines
 * Taps outside the image become 0 in the patch.
... 35 lines
/* Sum to output: the activation. */
static REAL__CODE float real__finish(float sum)
{
    sum = sum < 0.0f ? 0.0f : sum;
    sum = sum > 6.0f ? 6.0f : sum;
    return sum;
... 55 lines
        const float w0 = weights[k];
... 71 lines
            output[pixel * REAL__OUT_C + channel + c] = real__finish(sums[pixel][c]);
... 38 lines
        output[channel + c] = real__finish(sums[0][c]);
... 24 lines
        real__block_2x4(input, 0, output);
... 25 lines
        to[k] = 0;
... 49 lines
