"""Which folders all nodes share, where, and what each node was found to be able to do there."""
