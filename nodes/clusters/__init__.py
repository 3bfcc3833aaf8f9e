"""Clusters: what they are, who may do what on them, how they stand."""
