... 4 lines
 * Sums       plain C, channel by channel
... 74 lines
