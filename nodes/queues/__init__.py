"""What waits in the mail queues of nodes."""
