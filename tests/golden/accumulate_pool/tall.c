... 35 lines
#define TALL__WORDS_END 4 /* channels that go four in a word */
#define TALL__LIMIT 256 /* pixels whose sums stay in the halves of words */

... 5 lines
{
    value = (int32_t)(((int64_t)value * TALL__MULTIPLIER + ((int64_t)1 << (TALL__SHIFT - 1))) >> TALL__SHIFT);
    return (int8_t)value;
... 2 lines
/* Adds so many pixels to the sums. */
static TALL__CODE void tall__add(const int8_t *input, int32_t pixels, int32_t *sums)
{
... 4 lines
        const int8_t *at = input + channel;
        uint32_t even = 0;
... 9 lines
        }
        sums[channel] += (int16_t)even;
        sums[channel + 1] += (int16_t)odd;
        sums[channel + 2] += (int32_t)even >> 16;
        sums[channel + 3] += (int32_t)odd >> 16;
    }
... 9 lines
        }
        sums[channel] = sum;
    }
}

static TALL__CODE void tall__store(const int32_t *sums, int8_t *output)
{
... 8 lines
{
    int32_t *const sums = workspace;

... 7 lines
    }
    for (; pixels > TALL__LIMIT; pixels -= TALL__LIMIT) {
        tall__add(rows, TALL__LIMIT, sums);
        rows += TALL__LIMIT * TALL__CHANNELS;
    }
... 5 lines
