... 9 lines
 * Algorithm  winograd_4x4_t1: F(4x4, 3x3), 1 tile at a time, weights transformed in flash
 * Workspace  864 bytes: uint32_t products[36][2], uint32_t tiles[36][4][1]
... 45 lines
