"""What the modules share and no reader of the lecture needs: files, validation, modes and seeds, downloads.

Nothing here knows a model or a tokenizer, and nothing here is public.
"""
