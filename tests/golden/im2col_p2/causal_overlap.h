... 50 lines
 *   CAUSAL_OUTPUT_OFFSET, and the input is overwritten.
 * `workspace` is scratch memory of CAUSAL_WORKSPACE_BYTES, aligned to CAUSAL_WORKSPACE_ALIGN;
... 17 lines
