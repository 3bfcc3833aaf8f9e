"""The kind `share_test`: what each node can do in the shared folders, tried and read back."""
