"""Chapter 08: GPT as a probability."""
