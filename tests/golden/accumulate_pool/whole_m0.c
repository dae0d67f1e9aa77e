... 4 lines
 * Sums       plain C, channel by channel
 *
... 19 lines

... 53 lines
