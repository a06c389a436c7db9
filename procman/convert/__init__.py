"""A configuration written for another engine: Kubernetes, compose, systemd. Pure: a Config in, texts out."""
