... 38 lines
#define GROUPED__GROUP_IN_C 2
#define GROUPED__PATCHES 1 /* gathered before they are multiplied */
... 2 lines
#define GROUPED__DEPTH 18 /* products of one sum */
#define GROUPED__GROUP_PITCH 18 /* elements from one group's input to the next */
... 38 lines
/* 1 x 2 outputs of as many patches. */
static GROUPED__CODE void grouped__block_1x2(
    const int8_t *input, int32_t channel, int8_t *output)
{
    int32_t sums[1][2];
... 4 lines

    grouped__dot_1x2(sums, input, grouped__weights + channel * GROUPED__DEPTH, GROUPED__DEPTH);

... 7 lines
{
    for (; count >= 1; --count) {
... 2 lines

            grouped__block_1x2(input + group * GROUPED__GROUP_PITCH, first, output);
        }
... 28 lines
            const int32_t col = in_col + j * GROUPED__DILATION_W;
            const int inside = row_inside && col >= 0 && col < GROUPED__IN_W;
            const int8_t *tap = inside ? input + (row * GROUPED__IN_W + col) * GROUPED__IN_C : input;

            for (int32_t group = 0; group < GROUPED__GROUPS; ++group) {
                if (inside) {
                    grouped__copy(patch + group * GROUPED__DEPTH, tap + group * GROUPED__GROUP_IN_C, GROUPED__GROUP_IN_C);
                } else {
                    grouped__fill(patch + group * GROUPED__DEPTH, GROUPED__GROUP_IN_C);
                }
            }
            patch += GROUPED__GROUP_IN_C;
        }
... 22 lines
