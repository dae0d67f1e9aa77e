... 34 lines
#define CAUSAL_WORKSPACE_BYTES   0u /* pass NULL */
... 16 lines
 * No workspace is needed: pass NULL.
... 3 lines
 *
 *     read_input(pool + CAUSAL_INPUT_OFFSET);
 *     causal(pool, NULL);
 *     use_output(pool + CAUSAL_OUTPUT_OFFSET);
... 8 lines
