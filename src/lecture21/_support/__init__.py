"""What the modules share and no reader of the lecture needs: storage, validation, modes, downloads."""
