"""The writers of shared paths, keys, mount points, and what tests found."""
