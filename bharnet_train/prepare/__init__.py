"""Original files of the benchmarks -> one compact folder that training reads from the disk."""
