... 7 lines
 * Taps outside the image become 0 in the patch.
 * Printed from templates/algorithms/im2col.c.j2.
... 34 lines
/* Sum to output: the activation. */
static REAL__CODE float real__finish(float sum)
{
    sum = sum < 0.0f ? 0.0f : sum;
    sum = sum > 6.0f ? 6.0f : sum;
    return sum;
}
... 3 lines
    float sums[2][4], const float *input,
    const float *weights, int32_t count)
{
    float sum00 = sums[0][0];
    float sum01 = sums[0][1];
... 6 lines

    for (int32_t k = 0; k < count; ++k) {
        const float x0 = input[k];
        const float x1 = input[REAL__PIXEL_PITCH + k];
        const float w0 = weights[4 * k];
        const float w1 = weights[4 * k + 1];
        const float w2 = weights[4 * k + 2];
        const float w3 = weights[4 * k + 3];

... 31 lines
        const float w0 = weights[k];

... 20 lines
        const float w0 = weights[4 * k];
... 25 lines
        const float w0 = weights[k];
... 9 lines
    const float *input, int32_t channel, float *output)
{
    float sums[2][4];

... 10 lines
            output[pixel * REAL__OUT_C + channel + c] = real__finish(sums[pixel][c]);
        }
... 37 lines
        output[channel + c] = real__finish(sums[0][c]);
    }
... 20 lines
static REAL__CODE void real__multiply(const float *input, int32_t count, float *output)
{
    for (; count >= 2; count -= 2) {
        real__block_2x4(input, 0, output);
        real__block_2x1(input, 4, output);

        input += 2 * REAL__PATCH;
... 3 lines
        real__block_1x4(input, 0, output);
... 2 lines
        input += REAL__PATCH;
... 5 lines
static REAL__CODE void real__copy(float *to, const float *from, int32_t count)
{
... 5 lines
static REAL__CODE void real__fill(float *to, int32_t count)
{
    for (int32_t k = 0; k < count; ++k) {
        to[k] = 0;
    }
... 4 lines
    const float *input, int32_t in_row, int32_t in_col, float *patch)
{
... 22 lines
REAL__CODE void real(const float *input, float *output, void *workspace)
{
    float *const patches = workspace;

    float *patch = patches;

... 14 lines
