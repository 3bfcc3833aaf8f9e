"""Clustering on and off, and the features it switches."""
