... 3 lines
 * Algorithm  accumulate_pool
 * Sums       plain C, channel by channel
 *
... 18 lines
#define WHOLE__ROW_PIXELS 6

... 53 lines
