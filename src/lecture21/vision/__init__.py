"""Images as tokens: patches of an image, mapped to a GPT's width, stand before the text.

`patches` has the cut and the linear map, `model` the GPT behind it, `digits` the handwritten digits and what is written
of them, `sums` two of them and their sum. GPT-4's way of taking images is not published; this is one that is
(Dosovitskiy et al. 2021), in front of a GPT as in Tsimpoukelli et al. 2021.
"""

from lecture21.vision.model import Seen, VisionGPT, forward_flops
from lecture21.vision.patches import PatchEmbedding, patches

__all__ = ["PatchEmbedding", "Seen", "VisionGPT", "forward_flops", "patches"]
