... 3 lines
 * Algorithm  accumulate_pool
 * Sums       four channels of a word at a time
... 3 lines
 * Printed from templates/operators/accumulate.c.j2.
 *
... 22 lines
#define WHOLE__CHANNELS 9
#define WHOLE__ROWS 5
#define WHOLE__ROW_PIXELS 6
#define WHOLE__WORDS_END 8 /* channels that go four in a word */

#define WHOLE__SHIFT 23
#define WHOLE__MULTIPLIER 279621 /* that makes a sum a mean */

... 3 lines
    value = (value * WHOLE__MULTIPLIER + (1 << (WHOLE__SHIFT - 1))) >> WHOLE__SHIFT;
    return (int8_t)value;
... 2 lines
/* Adds so many pixels to the sums. */
static WHOLE__CODE void whole__add(const int8_t *input, int32_t pixels, int16_t *sums)
{
... 4 lines
        const int8_t *at = input + channel;
        uint32_t even;
        uint32_t odd;

        memcpy(&even, sums + channel, sizeof even);
        memcpy(&odd, sums + channel + 2, sizeof odd);
        for (int32_t i = 0; i < pixels; ++i) {
            uint32_t word;

            memcpy(&word, at, sizeof word);
            __asm__("sxtab16 %0, %0, %1" : "+r"(even) : "r"(word));
            __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(odd) : "r"(word));
            at += WHOLE__CHANNELS;
        }
        memcpy(sums + channel, &even, sizeof even);
        memcpy(sums + channel + 2, &odd, sizeof odd);
    }
... 2 lines
    for (; channel < WHOLE__CHANNELS; ++channel) {
        const int8_t *at = input + channel;
        int32_t sum = sums[channel];

        for (int32_t i = 0; i < pixels; ++i) {
            sum += *at;
            at += WHOLE__CHANNELS;
        }
        sums[channel] = (int16_t)sum;
    }
... 2 lines
static WHOLE__CODE void whole__store(const int16_t *sums, int8_t *output)
{
... 4 lines
        output[channel] = whole__finish(sums[channel]);
        output[channel + 1] = whole__finish(sums[channel + 2]);
        output[channel + 2] = whole__finish(sums[channel + 1]);
        output[channel + 3] = whole__finish(sums[channel + 3]);
    }
#endif
    for (; channel < WHOLE__CHANNELS; ++channel) {
        output[channel] = whole__finish(sums[channel]);
    }
... 4 lines
    int16_t *const sums = workspace;

    const int8_t *rows = input + (first - input_row) * WHOLE__ROW_PIXELS * WHOLE__CHANNELS;
    int32_t pixels = (last - first) * WHOLE__ROW_PIXELS;

    if (first == 0) {
        for (int32_t channel = 0; channel < WHOLE__CHANNELS; ++channel) {
            sums[channel] = 0;
        }
    }
    whole__add(rows, pixels, sums);
    if (last == WHOLE__ROWS) {
        whole__store(sums, output);
    }
}
