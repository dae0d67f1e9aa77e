... 36 lines
#define TALL__LIMIT 256 /* pixels whose sums stay in the halves of words */
... 7 lines
    value = (int32_t)(((int64_t)value * TALL__MULTIPLIER + ((int64_t)1 << (TALL__SHIFT - 1))) >> TALL__SHIFT);
... 22 lines
        sums[channel] += (int16_t)even;
        sums[channel + 1] += (int16_t)odd;
        sums[channel + 2] += (int32_t)even >> 16;
        sums[channel + 3] += (int32_t)odd >> 16;
... 11 lines
        sums[channel] = sum;
... 24 lines
    for (; pixels > TALL__LIMIT; pixels -= TALL__LIMIT) {
        tall__add(rows, TALL__LIMIT, sums);
        rows += TALL__LIMIT * TALL__CHANNELS;
... 6 lines
