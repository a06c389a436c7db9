"""Scripts that complete command lines in bash, zsh and fish, written from the tables of flags and help texts."""
