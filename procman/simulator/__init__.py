"""What a master would do with a configuration: the core in virtual time, with programs that behave well. No I/O."""
