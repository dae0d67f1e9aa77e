... 4 lines
 * Sums       plain C, 1 x 4 sums (pixels x channels)
... 99 lines
static CONNECTED__CODE void connected__part_1x4(
    const int8_t *input, int32_t first, int32_t count, int32_t channel, int32_t *partial)
{
... 7 lines
        sums, input, connected__weights + channel * CONNECTED__DEPTH + 4 * first, count);

... 15 lines
        sums, input, connected__weights + channel * CONNECTED__DEPTH + first, count);

... 8 lines
    connected__part_1x4(input, first, last - first, 0, partial);
    connected__part_1x1(input, first, last - first, 4, partial);
}
... 13 lines
