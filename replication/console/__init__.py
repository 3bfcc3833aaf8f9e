"""The console's first page, and the overviews of a cluster and a node."""
