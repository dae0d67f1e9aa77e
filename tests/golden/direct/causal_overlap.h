... 57 lines
 *     causal(pool, NULL);
... 9 lines
