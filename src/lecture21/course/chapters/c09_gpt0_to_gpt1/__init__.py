"""Chapter 09: From GPT-0 to GPT-1."""
