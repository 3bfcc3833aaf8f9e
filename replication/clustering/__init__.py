"""Clustering on and off, the features that do not go with it, and the guide's steps."""
