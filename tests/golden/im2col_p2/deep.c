... 341 lines
/* Gathers the patch whose first tap is at (in_row, in_col). */
... 44 lines
