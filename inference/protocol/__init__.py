"""OpenAI's protocol: requests read, usage metered, answers and errors in its words."""
