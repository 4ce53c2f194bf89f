"""The addresses that customers write to: how each is read, sent from and signed."""
