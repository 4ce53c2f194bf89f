"""The edge: who is asking, may they, and how a refusal reads."""
