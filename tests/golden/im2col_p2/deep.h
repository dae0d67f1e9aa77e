... 45 lines
 * `workspace` is scratch memory of DEEP_WORKSPACE_BYTES, aligned to DEEP_WORKSPACE_ALIGN; between
 *   calls it need not be kept.
... 9 lines
