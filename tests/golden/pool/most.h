/*
 * most: max pooling
 *
 * Layer      max_pool, int8
... 48 lines
