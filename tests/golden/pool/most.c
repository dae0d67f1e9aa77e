/*
 * most: max pooling; most.h says of what sizes
 *
... 37 lines
#define MOST__WORDS_END 8 /* channels that go four in a word */

/* What a window gives. */
static MOST__CODE int8_t most__finish(int32_t value)
{
    return (int8_t)value;
... 3 lines
/* The larger of each two bytes. */
static MOST__CODE inline uint32_t most__larger(uint32_t a, uint32_t b)
{
    uint32_t larger;

    __asm__("ssub8 %0, %1, %2\n    sel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
}
... 5 lines
    int32_t channel = 0;
... 4 lines
        uint32_t most = 0x80808080u;

... 7 lines
                most = most__larger(most, word);
                tap += MOST__CHANNELS;
... 3 lines
        output[channel] = most__finish((int8_t)most);
        output[channel + 1] = most__finish((int8_t)(most >> 8));
        output[channel + 2] = most__finish((int8_t)(most >> 16));
        output[channel + 3] = most__finish((int8_t)(most >> 24));
    }
... 3 lines
        int32_t most = *row;

... 4 lines
                most = *tap > most ? *tap : most;
                tap += MOST__CHANNELS;
... 3 lines
        output[channel] = most__finish(most);
    }
... 7 lines
        const int8_t *window = input + out_row * MOST__STRIDE_H * MOST__IN_W * MOST__CHANNELS;

        for (int32_t out_col = 0; out_col < MOST__OUT_W; out_col++) {
            most__window(window, MOST__K_H, MOST__K_W, output);
            window += MOST__STRIDE_W * MOST__CHANNELS;
            output += MOST__CHANNELS;
... 3 lines
