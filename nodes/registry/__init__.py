"""Servers and their pinned host keys."""
