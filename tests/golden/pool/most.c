/*
 * most: max pooling; most.h says of what sizes
... 41 lines
static MOST__CODE int8_t most__finish(int32_t value)
... 5 lines
/* The larger of each two bytes. */
static MOST__CODE inline uint32_t most__larger(uint32_t a, uint32_t b)
{
    uint32_t larger;

    __asm__("ssub8 %0, %1, %2\n    sel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
... 11 lines
        uint32_t most = 0x80808080u;
... 8 lines
                most = most__larger(most, word);
... 4 lines
        output[channel] = most__finish((int8_t)most);
        output[channel + 1] = most__finish((int8_t)(most >> 8));
... 6 lines
        int32_t most = *row;
... 5 lines
                most = *tap > most ? *tap : most;
... 4 lines
        output[channel] = most__finish(most);
... 8 lines
        const int8_t *window = input + out_row * MOST__STRIDE_H * MOST__IN_W * MOST__CHANNELS;
... 2 lines
            most__window(window, MOST__K_H, MOST__K_W, output);
            window += MOST__STRIDE_W * MOST__CHANNELS;
... 4 lines
