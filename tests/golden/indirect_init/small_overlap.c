... 8 lines
 * The input begins 8 bytes above the output in one pool: 32 bytes.
... 155 lines
SMALL__CODE void small_init(const void *pool, void *workspace)
{
    const int8_t *input = (const int8_t *)pool + SMALL_INPUT_OFFSET;
... 7 lines
SMALL__CODE void small(void *pool, void *workspace)
... 2 lines
    int8_t *output = (int8_t *)pool + SMALL_OUTPUT_OFFSET;
... 5 lines
