"""Clusters: members, path classes, who may do what."""
