"""What a GPT is compared with: a recurrent network and counts of n-grams, with the interface of a GPT.

The mixture models and ensembles are in `lecture21.mixtures`, the encoder-decoder in `lecture21.transformer`.
"""

from lecture21.baselines.ngram import NGram
from lecture21.baselines.rnn import RNN, RNNConfig
