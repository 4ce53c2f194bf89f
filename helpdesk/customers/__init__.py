"""Customers: who they are, on which handles, and which subscription is theirs."""
