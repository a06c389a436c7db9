"""Where the core meets the system: the engine, spawning, process trees, adoption, routing of output."""
