"""Guichê: the helpdesk where a conversation and the customer's money stand side by side."""
