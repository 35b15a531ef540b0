/// How often this program has taken memory from the heap since it began; of one thread, as a benchmark is.
unsigned long allocation_count(void);
