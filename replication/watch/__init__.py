"""A change on the primary is replicated without anybody asking."""
