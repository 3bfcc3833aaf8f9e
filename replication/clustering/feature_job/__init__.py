"""The kind `features`: switch off what does not go with clustering on the primary, remember it, and give it back.

The secondaries follow by replication. A plan holds the whole new files and shows each changed line; a person always
approves it.
"""
