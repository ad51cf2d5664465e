"""Chapter 14: A mixture of experts in a GPT."""
