"""What pages ask of queues."""
