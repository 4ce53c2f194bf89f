"""What a supervisor sees: response times, promises kept, backlog. Rebuilt from raw steps."""
