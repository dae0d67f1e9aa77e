/*
 * joined: addition; joined.h says of what sizes
 *
 * Algorithm  add
 * Sums       plain C
 * Assembly   for GCC and clang, little-endian, Thumb-2 with SSAT; plain C for all others
 *
 * An output may take the place of the inputs it is of.
 * Printed from templates/operators/add.c.j2.
... 17 lines
    defined(__thumb2__) && defined(__ARM_FEATURE_SAT)
... 3 lines
#define JOINED__FOURS_END 60 /* elements that go four at a time */

#define JOINED__FIRST 994026
#define JOINED__SECOND 3685169
#define JOINED__OFFSET (-55289669)
#define JOINED__SHIFT 22
#define JOINED__OUT_MIN (-10)
#define JOINED__OUT_MAX 127

/* An output from its two inputs: TensorFlow Lite's, of all pairs there are. */
static JOINED__CODE int8_t joined__sum(int32_t first, int32_t second)
{
    int32_t value = JOINED__OFFSET + JOINED__FIRST * first + JOINED__SECOND * second;
... 3 lines
    value = value < JOINED__OUT_MIN ? JOINED__OUT_MIN : value;
#else
    value >>= JOINED__SHIFT;
    value = value < JOINED__OUT_MIN ? JOINED__OUT_MIN : value;
    value = value > JOINED__OUT_MAX ? JOINED__OUT_MAX : value;
... 5 lines
JOINED__CODE void joined(const int8_t *input_0, const int8_t *input_1, int8_t *output, void *workspace)
... 3 lines
    for (int32_t i = 0; i < JOINED__FOURS_END; i += 4) {
        output[i] = joined__sum(input_0[i], input_1[i]);
        output[i + 1] = joined__sum(input_0[i + 1], input_1[i + 1]);
... 4 lines
