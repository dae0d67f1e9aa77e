... 9 lines
 * Algorithm  winograd_2x2_t1: F(2x2, 3x3), 1 tile at a time, weights transformed in flash
 * Workspace  648 bytes: uint32_t products[16][8], uint32_t tiles[16][2][1], int8_t between[2][4]
 * Constants  1,076 bytes
... 39 lines
 * `workspace` is scratch memory of SAME_WORKSPACE_BYTES, aligned to SAME_WORKSPACE_ALIGN; between
... 7 lines
 *     same(pool, workspace);
... 2 lines
void same(void *pool, void *workspace);
... 6 lines
