"""What is counted and measured for monitoring: counters, figures of process trees, and a reading of them all."""
