"""The words of the product in each language, one catalogue per area."""
