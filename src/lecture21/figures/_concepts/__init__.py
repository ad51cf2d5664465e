"""What draws each concept, in axes whose unit is a tenth of an inch; `lecture21.figures.concepts` lists them."""
