/*
 * mean: average pooling; mean.h says of what sizes
 *
 * Algorithm  pool
 * Sums       four channels of a word at a time
... 3 lines
 * Printed from templates/operators/pool.c.j2.
... 21 lines
#include <string.h>
... 3 lines
#define MEAN__CHANNELS 9
... 2 lines
#define MEAN__K_H 3
#define MEAN__K_W 3
... 4 lines
#define MEAN__WORDS_END 8 /* channels that go four in a word */
... 2 lines
/* What a window gives. */
static MEAN__CODE int8_t mean__finish(int32_t value, int32_t taps)
{
    value = (value * mean__means[taps - 1] + (1 << (MEAN__SHIFT - 1))) >> MEAN__SHIFT;
... 4 lines
/* Sums of two bytes of a word in each half: of 0 and 2, or of 1 and 3. */
static MEAN__CODE inline uint32_t mean__add_even(uint32_t sums, uint32_t word)
{
    __asm__("sxtab16 %0, %0, %1" : "+r"(sums) : "r"(word));
    return sums;
... 2 lines
static MEAN__CODE inline uint32_t mean__add_odd(uint32_t sums, uint32_t word)
{
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums) : "r"(word));
... 4 lines
/* One output pixel: a window of taps inside the image. */
static MEAN__CODE void mean__window(const int8_t *input, int32_t rows, int32_t cols, int8_t *output)
{
    const int32_t taps = rows * cols;
    int32_t channel = 0;
... 2 lines
    for (; channel < MEAN__WORDS_END; channel += 4) {
        const int8_t *row = input + channel;
        uint32_t even = 0;
        uint32_t odd = 0;

        for (int32_t i = 0; i < rows; i++) {
            const int8_t *tap = row;

            for (int32_t j = 0; j < cols; j++) {
                uint32_t word;

                memcpy(&word, tap, sizeof word);
                even = mean__add_even(even, word);
                odd = mean__add_odd(odd, word);
                tap += MEAN__CHANNELS;
            }
            row += MEAN__IN_W * MEAN__CHANNELS;
        }
        output[channel] = mean__finish((int16_t)even, taps);
        output[channel + 1] = mean__finish((int16_t)odd, taps);
        output[channel + 2] = mean__finish((int32_t)even >> 16, taps);
        output[channel + 3] = mean__finish((int32_t)odd >> 16, taps);
... 2 lines
    for (; channel < MEAN__CHANNELS; channel++) {
        const int8_t *row = input + channel;
        int32_t sum = 0;
... 5 lines
                sum += *tap;
... 4 lines
        output[channel] = mean__finish(sum, taps);
... 8 lines
        const int32_t first_row = out_row * MEAN__STRIDE_H - MEAN__PAD_TOP;
        const int32_t top = first_row < 0 ? 0 : first_row;
        const int32_t bottom = first_row + MEAN__K_H > MEAN__IN_H ? MEAN__IN_H : first_row + MEAN__K_H;

        for (int32_t out_col = 0; out_col < MEAN__OUT_W; out_col++) {
            const int32_t first_col = out_col * MEAN__STRIDE_W - MEAN__PAD_LEFT;
            const int32_t left = first_col < 0 ? 0 : first_col;
            const int32_t right = first_col + MEAN__K_W > MEAN__IN_W ? MEAN__IN_W : first_col + MEAN__K_W;

            mean__window(input + (top * MEAN__IN_W + left) * MEAN__CHANNELS, bottom - top, right - left, output);
            output += MEAN__CHANNELS;
... 3 lines
