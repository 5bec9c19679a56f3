"""Catches every mail of a bare machine and shows it on a page."""

from embedded.mailbox.server import Mailbox

__all__ = ["Mailbox"]
