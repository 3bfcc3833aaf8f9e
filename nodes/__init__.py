"""What a node is, how to reach it, how it is doing."""
