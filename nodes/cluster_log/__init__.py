"""The portal's own lines about a cluster."""
