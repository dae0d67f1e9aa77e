... 9 lines
 * Algorithm  direct_w16: reads the input in place: no workspace; weights take 16 bits each in
 *   flash
... 45 lines
