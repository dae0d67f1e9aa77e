... 66 lines
static DEEP__CODE DEEP__OUT_OF_LINE void deep__dot_1x4(
    int32_t sums[1][4], const int8_t *input,
... 149 lines
