"""Images as tokens: the patches of an image, mapped to the width of a GPT, precede the text.

`patches` has the patch embedding, `model` the GPT that reads it, `digits` handwritten digits and their names, `sums`
two digits and their sum. How GPT-4 reads images is not published; this is a published method (Dosovitskiy et al. 2021),
in front of a GPT as in Tsimpoukelli et al. 2021.
"""

from lecture21.vision.model import ImageConditioned, VisionGPT, make_causal
from lecture21.vision.patch_embedding import PatchEmbedding, patches
