... 3 lines
 * Algorithm  accumulate_connected
 * Sums       SMLAD, weights of two channels in int16
... 4 lines
 * Printed from templates/algorithms/accumulate.c.j2.
... 54 lines
#define CONNECTED__DEPTH 12 /* elements of the input */
... 4 lines
/* Sum to output: TensorFlow Lite's single rounding, then activation and zero point. */
... 3 lines
    const int64_t half = (int64_t)1 << (shift - 1);
    int32_t value = (int32_t)(((int64_t)sum * connected__multiplier[channel] + half) >> shift);
... 27 lines
 * connected__slice_4: adds the products of a slice to 1 x 4 sums. Registers:
... 2 lines
 *   r1               weights
 *   r2               words of input that are left
 *   r3               the last word, or nothing
 *   r4-r7            sums: of channel 0, of it and 256 times channel 1 ...
 *   r8 r9            inputs, two elements each; r9 also a word
 *   r10 r11 r12 lr   weights of two channels and two elements each
 *
 * On the stack: input, how many words, the last and the first of them, weights, sums and the end of these.
 */
void connected__slice_4(const int8_t *input, const uint32_t *weights, int32_t *sums, const uint32_t *ends);
... 2 lines
    CONNECTED__BEGIN(connected__slice_4)
... 7 lines
    "    ldm r3, {r3-r5}\n"
    "    strd r1, r2, [sp, #16]\n"
    "    stm sp, {r0, r3-r5}\n"
    "1:\n"
    "    ldm sp, {r0, r2, r3, r9}\n"
    "    mov r4, #0\n"
... 4 lines
    "    bne 4f\n"
    "    b 3f\n"
... 5 lines
    "    ldm r1!, {r10-r12, lr}\n"
... 30 lines
    "    bgt 2b\n"
    "    cbz r3, 5f\n"
... 10 lines
    "    add r9, r9, r5, asr #8\n"
... 2 lines
    "    stm r2!, {r8-r11}\n"
... 4 lines
    CONNECTED__END(connected__slice_4));
... 8 lines
 *   r4 r5            sums: of channel 0, of it and 256 times channel 1 ...
 *   r8 r9            inputs, two elements each; r9 also a word
 *   r10 r11          weights of two channels and two elements each
... 60 lines
    "    stm r2!, {r8, r9}\n"
... 6 lines
/* So many elements, at most four, as bytes of a word; else zero. */
static CONNECTED__CODE inline uint32_t connected__word(const int8_t *input, uint32_t count)
{
    uint32_t word = 0;

    if (count == 4) {
        memcpy(&word, input, sizeof word);
        return word;
... 2 lines
        --count;
        word = word << 8 | (uint8_t)input[count];
... 4 lines
/* Adds the products of `count` elements at `input`, of which the first is the group's. */
static CONNECTED__CODE void connected__multiply(
    const int8_t *input, uint32_t group, uint32_t skipped, uint32_t count, int32_t *partial)
{
    const uint32_t lead = count < 4 - skipped ? count : 4 - skipped;
    const uint32_t rest = count - lead;
    const int8_t *inner = input + lead;
    const uint32_t ends[3] = {
        rest / 4 + 1,
        connected__word(inner + rest / 4 * 4, rest % 4),
        connected__word(input, lead) << 8 * skipped,
... 2 lines
    connected__slice_4(
        inner, connected__weights + 4 * group,
        partial, ends);
    connected__slice_2(
        inner, connected__weights + 12 + 2 * group,
        partial + 4, ends);
... 2 lines
/* Adds the products of elements `first` to `last` - 1, which are at `input`. */
static CONNECTED__CODE void connected__slice(const int8_t *input, int32_t first, int32_t last, int32_t *partial)
{
    connected__multiply(input, (uint32_t)first / 4, (uint32_t)first % 4, (uint32_t)(last - first), partial);
... 2 lines
/* Adds the products of a block of channels. */
static CONNECTED__CODE void connected__block(
    const int8_t *input, int32_t first, int32_t last, const uint32_t *weights, int32_t channels, int32_t *sums)
{
    for (int32_t k = first; k < last; ++k) {
        const uint32_t *pair = weights + k / 4 * channels + k % 2 * (channels / 2);
        const int32_t x = *input++;

        for (int32_t c = 0; c < channels; c += 2) {
            const int16_t both = (int16_t)(*pair++ >> (k % 4 < 2 ? 0 : 16));
            const int8_t lower = (int8_t)both;

            sums[c] += x * lower;
            sums[c + 1] += x * ((both - lower) / 256);
... 8 lines
        const uint32_t *weights = connected__weights + block * 12;
        int32_t *sums = partial + block * 4;

        connected__block(input, first, last, weights, 4, sums);
... 2 lines
        const uint32_t *weights = connected__weights + 12 + block * 6;
        int32_t *sums = partial + 4 + block * 2;
... 6 lines
CONNECTED__CODE void connected_rows(const int8_t *input, int32_t input_row, int8_t *output, void *workspace, int32_t first, int32_t last)
... 3 lines
    if (first == 0) {
        connected__begin(partial, 1);
    }
    connected__slice(input + (first - input_row), first, last, partial);
    if (last == CONNECTED__DEPTH) {
        connected__store(partial, 1, output);
... 2 lines
