"""A master's /v1 interface from outside: blocking, standard library only, quick to import."""
