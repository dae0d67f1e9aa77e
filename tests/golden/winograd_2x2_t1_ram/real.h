... 9 lines
 * Algorithm  winograd_2x2_t1_ram: F(2x2, 3x3), 1 tile at a time, weights transformed in RAM, in
 *   each call
 * Workspace  1,408 bytes: float products[16][4], float transformed[16][5][3], float
 *   tiles[16][1][3]
 * Constants  572 bytes
... 38 lines
