... 9 lines
 * Algorithm  winograd_2x2_t1: F(2x2, 3x3), 1 tile at a time, weights transformed in flash
 * Workspace  648 bytes: uint32_t products[16][8], uint32_t tiles[16][2][1], int8_t between[2][4]
... 58 lines
