"""Sparse mixtures of experts inside a GPT: a layer that replaces the feed-forward layer (slides 29 and 35).

`route` and `balance_loss` are the ideas as plain functions; `SparseMoE` holds the weights; `statistics_of` measures the
routing. Mixtures whose members are whole models are in `lecture21.mixtures`.
"""

from lecture21.moe.balance import balance_loss, rebalanced
from lecture21.moe.config import MoEConfig
from lecture21.moe.layer import SparseMoE
from lecture21.moe.routing import Router, Routing, route, within_capacity
from lecture21.moe.statistics import describe, routings, statistics_of
