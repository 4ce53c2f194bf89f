"""Telephone numbers of ours and of customers: who may be written to, and calls."""
