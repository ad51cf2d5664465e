"""Chapter 17: Alignment from feedback."""
