"""What the program before us knew of this Maildir: its state files, read and never changed."""

from mailsync.local.former.find import Asked, Former, Places, has_number, number_of

__all__ = ["Asked", "Former", "Places", "has_number", "number_of"]
