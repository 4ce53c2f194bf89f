"""A bank of our own on loopback, for the demo and for tests: Pix, Pix Automático, boletos."""
