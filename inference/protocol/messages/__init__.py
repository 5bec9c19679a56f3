"""Anthropic's Messages: read as a chat, and a chat's answer worded as a message."""
