... 104 lines
static CONNECTED__CODE void connected__part_1x4(
    const int8_t *input, int32_t first, int32_t count, int32_t channel, int32_t *partial)
... 8 lines
        sums, input, connected__weights + channel * CONNECTED__DEPTH + 4 * first, count);
... 16 lines
        sums, input, connected__weights + channel * CONNECTED__DEPTH + first, count);
... 9 lines
    connected__part_1x4(input, first, last - first, 0, partial);
... 15 lines
