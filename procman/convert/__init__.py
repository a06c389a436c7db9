"""A configuration written for another engine: Kubernetes, compose, systemd; `imports` is the other way. No I/O."""
