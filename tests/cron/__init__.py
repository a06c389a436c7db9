"""What is told of failing programs, when, and in which words: in virtual time."""
