... 9 lines
 * Algorithm  winograd_4x4_t1_ram: F(4x4, 3x3), 1 tile at a time, weights transformed in RAM, in
 *   each call
 * Workspace  2,448 bytes: uint32_t products[36][8], uint32_t tiles[36][1][1], uint32_t
 *   transformed[1][36][1][8]
... 4 lines
 * Note       Pixels are read byte by byte: reading words needs a multiple of 4 input channels;
 *   this layer has 2.
... 41 lines
