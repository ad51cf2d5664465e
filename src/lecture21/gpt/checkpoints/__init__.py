"""Checkpoints of GPT-1, GPT-2, Mixtral and Qwen3-MoE in the files of Hugging Face, read and written without it.

The files of this package's own models are in `_support.storage`, those of a training run in `training.checkpoints`.
"""
