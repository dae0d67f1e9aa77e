... 9 lines
 * Algorithm  winograd_2x2_t2: F(2x2, 3x3), 2 tiles at a time, weights transformed in flash
 * Workspace  768 bytes: uint32_t products[16][8], uint32_t tiles[16][2][2]
 * Constants  1,088 bytes
... 44 lines
