"""Chapter 11: Scale: GPT-2, GPT-3 and in-context learning."""
