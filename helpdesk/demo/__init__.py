"""The sample company Sabiá: its data, its customers who write, and the networks they write over."""
