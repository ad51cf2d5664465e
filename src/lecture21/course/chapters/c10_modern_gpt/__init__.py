"""Chapter 10: The modern GPT."""
