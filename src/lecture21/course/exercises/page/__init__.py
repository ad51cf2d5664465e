"""Exercises to put together on a page: the lines that are choices, and what the check says of each combination."""
