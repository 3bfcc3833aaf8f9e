"""The kind `shared_paths`: folders made, paths written on the primary, proven on every node; or given back."""
