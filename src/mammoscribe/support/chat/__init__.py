"""Asking a server that speaks OpenAI chat completions: the address, one request, and the answer."""
