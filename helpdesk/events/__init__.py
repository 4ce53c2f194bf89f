"""The append-only record of what happened: timeline, audit trail and source of hints."""
