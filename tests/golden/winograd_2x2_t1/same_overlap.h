... 8 lines
 * Activation relu: outputs from -128 to 127
 * Algorithm  winograd_2x2_t1: F(2x2, 3x3), 1 tile at a time, weights transformed in flash
 * Workspace  648 bytes: uint32_t products[16][8], uint32_t tiles[16][2][1], int8_t between[2][4]
 * Constants  1,076 bytes
... 38 lines
 *   SAME_OUTPUT_OFFSET, and the input is overwritten.
 * `workspace` is scratch memory of SAME_WORKSPACE_BYTES, aligned to SAME_WORKSPACE_ALIGN; between
... 6 lines
 *     read_input(pool + SAME_INPUT_OFFSET);
 *     same(pool, workspace);
 *     use_output(pool + SAME_OUTPUT_OFFSET);
 */
void same(void *pool, void *workspace);
... 6 lines
