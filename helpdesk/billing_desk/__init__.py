"""Money acts inside the conversation: preview, confirm, approve, send, settle."""
