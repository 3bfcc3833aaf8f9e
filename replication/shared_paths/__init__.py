"""Shared network paths and multi-node mail routing: the guide's steps 1 to 6."""
