... 11 lines
 * Workspace  1,408 bytes: float products[16][4], float transformed[16][5][3], float
 *   tiles[16][1][3]
... 39 lines
