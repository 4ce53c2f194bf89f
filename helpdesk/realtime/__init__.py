"""Sockets: rooms, presence, and the relay that turns commits into hints."""
