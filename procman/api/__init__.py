"""From the operations in `control` to a wire format, and nothing else."""
