"""OpenAI's Responses: read as a chat, and a chat's answer worded as a response."""
