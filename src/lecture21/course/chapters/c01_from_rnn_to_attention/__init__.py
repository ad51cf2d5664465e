"""Chapter 01: From RNN to attention."""
