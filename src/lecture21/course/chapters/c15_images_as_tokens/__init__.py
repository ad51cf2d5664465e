"""Chapter 15: Images as tokens."""
