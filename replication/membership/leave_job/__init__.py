"""Leaving a cluster: the node gets back what it had before joining, and is proven to have it."""
