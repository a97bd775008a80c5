"""Ollama's server, over a forwarded port: newline-delimited JSON with the server's own times."""
