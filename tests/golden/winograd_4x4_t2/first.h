... 9 lines
 * Algorithm  winograd_4x4_t2: F(4x4, 3x3), 2 tiles at a time, weights transformed in flash
 * Workspace  1,728 bytes: uint32_t products[36][8], uint32_t tiles[36][2][2]
 * Constants  2,475 bytes
... 46 lines
