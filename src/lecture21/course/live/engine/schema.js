// Written by `python -m lecture21.course.live.schema` from GPTConfig and MoEConfig: change those.

/** @typedef {{start: unknown, kind: string, optional?: boolean, words?: unknown[]}} Field */

// prettier-ignore
export const GPT = /** @type {Record<string, Field>} */ ({
  "vocab_size": {"start": 65, "kind": "number"},
  "block_size": {"start": 32, "kind": "number"},
  "n_layer": {"start": 4, "kind": "number"},
  "n_head": {"start": 4, "kind": "number"},
  "d_model": {"start": 64, "kind": "number"},
  "n_kv_head": {"start": null, "kind": "number", "optional": true},
  "d_head": {"start": null, "kind": "number", "optional": true},
  "d_ff": {"start": null, "kind": "number", "optional": true},
  "activation": {"start": "relu", "kind": "string", "words": ["relu", "gelu", "gelu_tanh", "relu2", "swiglu"]},
  "norm": {"start": "layernorm", "kind": "string", "words": ["layernorm", "rmsnorm"]},
  "norm_position": {"start": "pre", "kind": "string", "words": ["pre", "post"]},
  "final_norm": {"start": true, "kind": "boolean"},
  "norm_eps": {"start": 1e-05, "kind": "number"},
  "position": {"start": "learned", "kind": "string", "words": ["learned", "sinusoidal", "rotary", "none"]},
  "rotary_base": {"start": 10000.0, "kind": "number"},
  "rotary_scaling": {"start": "interpolation", "kind": "string", "words": ["interpolation", "ntk"]},
  "rotary_factor": {"start": 1.0, "kind": "number"},
  "window": {"start": null, "kind": "number", "optional": true},
  "qk_norm": {"start": false, "kind": "boolean"},
  "qkv_bias": {"start": false, "kind": "boolean"},
  "bias": {"start": true, "kind": "boolean"},
  "tied_head": {"start": false, "kind": "boolean"},
  "initialization": {"start": "torch", "kind": "string", "words": ["torch", "gpt1", "gpt2", "zero"]},
  "logit_cap": {"start": null, "kind": "number", "optional": true},
  "causal": {"start": true, "kind": "boolean"},
  "dropout": {"start": 0.0, "kind": "number"},
  "attention_dropout": {"start": null, "kind": "number", "optional": true},
  "moe": {"start": null, "kind": "object", "optional": true},
});

// prettier-ignore
export const SPARSE = /** @type {Record<string, Field>} */ ({
  "n_expert": {"start": 8, "kind": "number"},
  "top_k": {"start": 2, "kind": "number"},
  "n_shared": {"start": 0, "kind": "number"},
  "gates": {"start": "softmax", "kind": "string", "words": ["softmax", "sigmoid"]},
  "softmax": {"start": "before", "kind": "string", "words": ["before", "after"]},
  "renormalize": {"start": null, "kind": "boolean", "optional": true},
  "balance": {"start": "aux", "kind": "string", "words": ["aux", "bias", "none"]},
  "aux_weight": {"start": 0.01, "kind": "number"},
  "bias_rate": {"start": 0.001, "kind": "number"},
  "z_loss": {"start": 0.0, "kind": "number"},
  "capacity_factor": {"start": null, "kind": "number", "optional": true},
  "eval_capacity_factor": {"start": null, "kind": "number", "optional": true},
});
