"""The words that every room speaks: pure values, no I/O, no clock, no randomness."""
