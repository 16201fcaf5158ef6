"""`python -m mailsync`."""

from mailsync.cli import main

main()
