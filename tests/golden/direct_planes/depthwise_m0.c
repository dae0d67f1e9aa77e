... 4 lines
 * Sums       plain C, one at a time; weights and sums 256 times
... 37 lines
/* The upper half of a product by a positive number, from products of 16 bits. */
static DEPTHWISE__CODE int32_t depthwise__high(int32_t a, int32_t b)
{
    const uint32_t low_a = (uint32_t)a & 0xFFFFu, low_b = (uint32_t)b & 0xFFFFu;
    const int32_t high_a = a >> 16, high_b = b >> 16;
    const int32_t middle = high_a * (int32_t)low_b + (int32_t)(low_a * low_b >> 16);
    const uint32_t carry = ((uint32_t)middle & 0xFFFFu) + low_a * (uint32_t)high_b;

    return high_a * high_b + (middle >> 16) + (int32_t)(carry >> 16);
... 3 lines
static DEPTHWISE__CODE DEPTHWISE__OUT_OF_LINE int8_t depthwise__finish(int32_t sum, int32_t multiplier, int32_t addend, int32_t bend)
{
    const int32_t high = depthwise__high(sum, multiplier);
... 31 lines
        (int16_t)(plane[7] >> 16), (int16_t)plane[9], (int16_t)(plane[10] >> 16),
... 103 lines
