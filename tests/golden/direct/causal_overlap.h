... 33 lines
#define CAUSAL_OUTPUT_OFFSET     4u
#define CAUSAL_WORKSPACE_BYTES   0u /* pass NULL */
... 15 lines
 *   CAUSAL_OUTPUT_OFFSET, and the input is overwritten.
 * No workspace is needed: pass NULL.
... 2 lines
 *     static int8_t pool[CAUSAL_POOL_BYTES];
 *
 *     read_input(pool + CAUSAL_INPUT_OFFSET);
 *     causal(pool, NULL);
 *     use_output(pool + CAUSAL_OUTPUT_OFFSET);
... 8 lines
