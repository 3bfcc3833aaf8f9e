"""The kind `queue_move`: messages left in queues that nobody works on any more go to where somebody does."""
