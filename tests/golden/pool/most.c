/*
 * most: max pooling; most.h says of what sizes
 *
... 36 lines
#define MOST__STRIDE_W 2
#define MOST__WORDS_END 8 /* channels that go four in a word */

/* What a window gives. */
static MOST__CODE int8_t most__finish(int32_t value)
{
    return (int8_t)value;
... 2 lines
#ifdef MOST__ASSEMBLY
/* The larger of each two bytes. */
static MOST__CODE inline uint32_t most__larger(uint32_t a, uint32_t b)
{
    uint32_t larger;

    __asm__("ssub8 %0, %1, %2\n    sel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
}
... 4 lines
{
    int32_t channel = 0;
... 3 lines
        const int8_t *row = input + channel;
        uint32_t most = 0x80808080u;

... 6 lines
                memcpy(&word, tap, sizeof word);
                most = most__larger(most, word);
                tap += MOST__CHANNELS;
... 2 lines
        }
        output[channel] = most__finish((int8_t)most);
        output[channel + 1] = most__finish((int8_t)(most >> 8));
        output[channel + 2] = most__finish((int8_t)(most >> 16));
        output[channel + 3] = most__finish((int8_t)(most >> 24));
    }
... 2 lines
        const int8_t *row = input + channel;
        int32_t most = *row;

... 3 lines
            for (int32_t j = 0; j < cols; j++) {
                most = *tap > most ? *tap : most;
                tap += MOST__CHANNELS;
... 2 lines
        }
        output[channel] = most__finish(most);
    }
... 6 lines
    for (int32_t out_row = 0; out_row < MOST__OUT_H; ++out_row) {
        const int8_t *window = input + out_row * MOST__STRIDE_H * MOST__IN_W * MOST__CHANNELS;

        for (int32_t out_col = 0; out_col < MOST__OUT_W; out_col++) {
            most__window(window, MOST__K_H, MOST__K_W, output);
            window += MOST__STRIDE_W * MOST__CHANNELS;
            output += MOST__CHANNELS;
... 3 lines
