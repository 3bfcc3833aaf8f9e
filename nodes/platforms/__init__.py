"""How each operating system is spoken to. Pure."""
