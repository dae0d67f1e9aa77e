... 36 lines
#define TALL__LIMIT 256 /* pixels whose sums stay in the halves of words */

... 6 lines
    value = (int32_t)(((int64_t)value * TALL__MULTIPLIER + ((int64_t)1 << (TALL__SHIFT - 1))) >> TALL__SHIFT);
    return (int8_t)value;
... 10 lines
        uint32_t even = 0;
... 10 lines
        sums[channel] += (int16_t)even;
        sums[channel + 1] += (int16_t)odd;
        sums[channel + 2] += (int32_t)even >> 16;
        sums[channel + 3] += (int32_t)odd >> 16;
    }
... 10 lines
        sums[channel] = sum;
    }
... 23 lines
    for (; pixels > TALL__LIMIT; pixels -= TALL__LIMIT) {
        tall__add(rows, TALL__LIMIT, sums);
        rows += TALL__LIMIT * TALL__CHANNELS;
    }
... 5 lines
