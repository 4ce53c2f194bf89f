"""The queue and the conversation."""
