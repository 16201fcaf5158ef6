"""When to sync: once, daemon, backup.  `cycle.py` is the story of one sync."""
