"""Say what is wrong with an answer that is no known mistake."""
