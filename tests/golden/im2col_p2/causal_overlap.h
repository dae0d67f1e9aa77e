... 51 lines
 * `workspace` is scratch memory of CAUSAL_WORKSPACE_BYTES, aligned to CAUSAL_WORKSPACE_ALIGN;
... 17 lines
