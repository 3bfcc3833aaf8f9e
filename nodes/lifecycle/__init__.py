"""How a server joins and leaves, and clustering goes on and off."""
