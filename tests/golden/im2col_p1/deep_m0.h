... 15 lines
 * Note       Plain C: this core's kernel in assembly takes weights of 16 bits each.
... 41 lines
