"""The machine, behind small interfaces; this room knows nothing of mail."""
