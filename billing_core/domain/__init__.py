"""Values and rules of money. Standard library only."""
