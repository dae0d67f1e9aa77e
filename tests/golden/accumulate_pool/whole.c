... 3 lines
 * Algorithm  accumulate_pool
... 4 lines
 * Printed from templates/operators/accumulate.c.j2.
... 24 lines
#define WHOLE__ROWS 5
#define WHOLE__ROW_PIXELS 6
... 3 lines
#define WHOLE__MULTIPLIER 279621 /* that makes a sum a mean */
... 4 lines
    value = (value * WHOLE__MULTIPLIER + (1 << (WHOLE__SHIFT - 1))) >> WHOLE__SHIFT;
... 3 lines
/* Adds so many pixels to the sums. */
static WHOLE__CODE void whole__add(const int8_t *input, int32_t pixels, int16_t *sums)
... 5 lines
        const int8_t *at = input + channel;
        uint32_t even;
        uint32_t odd;

        memcpy(&even, sums + channel, sizeof even);
        memcpy(&odd, sums + channel + 2, sizeof odd);
        for (int32_t i = 0; i < pixels; ++i) {
... 2 lines
            memcpy(&word, at, sizeof word);
            __asm__("sxtab16 %0, %0, %1" : "+r"(even) : "r"(word));
            __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(odd) : "r"(word));
            at += WHOLE__CHANNELS;
        }
        memcpy(sums + channel, &even, sizeof even);
        memcpy(sums + channel + 2, &odd, sizeof odd);
... 3 lines
    for (; channel < WHOLE__CHANNELS; ++channel) {
        const int8_t *at = input + channel;
        int32_t sum = sums[channel];
... 2 lines
            sum += *at;
... 2 lines
        sums[channel] = (int16_t)sum;
... 3 lines
static WHOLE__CODE void whole__store(const int16_t *sums, int8_t *output)
... 5 lines
        output[channel] = whole__finish(sums[channel]);
        output[channel + 1] = whole__finish(sums[channel + 2]);
... 11 lines
    int16_t *const sums = workspace;

    const int8_t *rows = input + (first - input_row) * WHOLE__ROW_PIXELS * WHOLE__CHANNELS;
    int32_t pixels = (last - first) * WHOLE__ROW_PIXELS;
... 2 lines
        for (int32_t channel = 0; channel < WHOLE__CHANNELS; ++channel) {
            sums[channel] = 0;
... 2 lines
    whole__add(rows, pixels, sums);
    if (last == WHOLE__ROWS) {
        whole__store(sums, output);
... 2 lines
