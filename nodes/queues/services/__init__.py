"""The writers of what queues hold."""
