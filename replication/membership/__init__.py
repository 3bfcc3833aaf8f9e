"""How a server joins a cluster and leaves it."""
