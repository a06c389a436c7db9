"""Where output goes: pipes and lines in, files, console, ring and the master's own log out."""
