... 3 lines
 * Algorithm  direct_w16
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights widened to int16
... 353 lines
        const uint32_t *line = constants;
... 2 lines
            const int32_t sum = (int32_t)sums[p][c];
... 117 lines
