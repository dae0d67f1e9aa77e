... 3 lines
 * Algorithm  kn2row_aa_holes
... 4 lines
 * Image columns that would wrap round the row ends are holes meanwhile.
 * Printed from templates/algorithms/kn2row_aa_holes.c.j2.
... 31 lines
#define DEEP__PIXELS (DEEP__IN_H * DEEP__IN_W) /* of the image, and of the output */
... 250 lines
/* Saves `count` image columns from `col` on and makes them -1. */
static DEEP__CODE void deep__punch(int8_t *input, int32_t col, int32_t count, int8_t *columns)
{
    for (int32_t row = 0; row < DEEP__IN_H; ++row) {
        int8_t *hole = input + (row * DEEP__IN_W + col) * DEEP__IN_C;

        for (int32_t k = 0; k < count * DEEP__IN_C; ++k) {
            *columns++ = hole[k];
            hole[k] = -1;
... 4 lines
/* Puts the columns back. */
static DEEP__CODE void deep__restore(int8_t *input, int32_t col, int32_t count, const int8_t *columns)
... 5 lines
            hole[k] = *columns++;
... 4 lines
/* Adds one tap to the sums of all pixels: output pixel p reads image pixel p + shift. */
static DEEP__CODE void deep__add_tap(const int8_t *input, int32_t tap, int32_t shift, int32_t *partial)
{
    const int32_t before = shift < 0 ? -shift : 0;
    const int32_t after = shift > 0 ? shift : 0;
    const int32_t first = before < DEEP__PIXELS ? before : DEEP__PIXELS;
    const int32_t last = after < DEEP__PIXELS - first ? DEEP__PIXELS - after : first;

    deep__add_outside(partial, tap, first);
    deep__add_outside(partial + last * DEEP__OUT_C, tap, DEEP__PIXELS - last);
... 2 lines
            input + (first + shift) * DEEP__IN_C, tap, last - first, partial + first * DEEP__OUT_C);
... 3 lines
DEEP__CODE void deep(int8_t *input, int8_t *output, void *workspace)
... 2 lines
    int8_t *const columns =
... 2 lines
    deep__begin(partial, DEEP__PIXELS);
    for (int32_t j = 0; j < DEEP__KERNEL_W; ++j) {
        const int32_t right = j * DEEP__DILATION_W - DEEP__PAD_LEFT; /* how far the tap is right of its output */
        const int32_t distance = right < 0 ? -right : right;
        const int32_t holes = distance < DEEP__IN_W ? distance : DEEP__IN_W; /* columns that would wrap */
        const int32_t col = right < 0 ? DEEP__IN_W - holes : 0;

        deep__punch(input, col, holes, columns);
        for (int32_t i = 0; i < DEEP__KERNEL_H; ++i) {
            const int32_t shift = (i * DEEP__DILATION_H - DEEP__PAD_TOP) * DEEP__IN_W + right;

            deep__add_tap(input, i * DEEP__KERNEL_W + j, shift, partial);
        }
        deep__restore(input, col, holes, columns);
    }
    deep__store(partial, DEEP__PIXELS, output);
}
