... 9 lines
 * Algorithm  direct_w16: reads the input in place: no workspace; weights take 16 bits each in
 *   flash
 * Workspace  none
... 44 lines
