... 28 lines
#define REAL_WORKSPACE_BYTES 0u /* pass NULL */
... 20 lines
