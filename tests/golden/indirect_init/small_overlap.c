... 8 lines
 * The input begins 8 bytes above the output in one pool: 32 bytes.
 * Printed from templates/algorithms/indirect.c.j2.
... 154 lines
SMALL__CODE void small_init(const void *pool, void *workspace)
{
    const int8_t *input = (const int8_t *)pool + SMALL_INPUT_OFFSET;
    const int8_t **const table = workspace;
... 6 lines
SMALL__CODE void small(void *pool, void *workspace)
{
    const int8_t *input = (const int8_t *)pool + SMALL_INPUT_OFFSET;
    int8_t *output = (int8_t *)pool + SMALL_OUTPUT_OFFSET;
    const int8_t **const table = workspace;
... 4 lines
