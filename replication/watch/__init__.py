"""The watch over a cluster's primary."""
