"""Chapter 07: Write a GPT."""
