"""The simulator: a world of one thread, virtual time and no sockets, for the real engine."""
