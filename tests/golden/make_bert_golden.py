#!/usr/bin/env python3
"""Writes bert_tiny_golden.json: loss, all gradients and 20 AdamW steps of a tiny BERT, by PyTorch in float64.

    python make_bert_golden.py > bert_tiny_golden.json

Masked tokens and next sentence. Weights, tokens and targets are closed formulas that the test repeats, so only results
are stored. Three sequences: a pair; a pair with three tokens of padding; two documents, which are no pair.
"""
import json
import math

import torch
import torch.nn.functional as F

V, C, NH, FF, L, B, T, P = 37, 16, 4, 64, 2, 3, 11, 4
STEPS, RATE, BETA1, BETA2, EPSILON, DECAY, CLIP = 20, 3e-3, 0.9, 0.95, 1e-8, 0.1, 1.0
DOCUMENTS = [[0] * 11, [0] * 8 + [8] * 3, [0] * 6 + [6] * 5]  # first token of each token's document
TYPES = [[0] * 5 + [1] * 6, [0] * 4 + [1] * 7, [0] * 11]
LABELS = [0, 1, -1]


def names():
    yield "embedding.token", (V, C)
    yield "embedding.position", (T, C)
    yield "token_type_embedding.weight", (2, C)
    yield "embedding_norm.gamma", (C,)
    yield "embedding_norm.beta", (C,)
    for l in range(L):
        p = f"layers.{l}."
        yield p + "attention.qkv.weight", (3, NH, C // NH, C)
        yield p + "attention.qkv.bias", (3, NH, C // NH)
        yield p + "attention.out.weight", (C, C)
        yield p + "attention.out.bias", (C,)
        yield p + "norm1.gamma", (C,)
        yield p + "norm1.beta", (C,)
        yield p + "mlp.up.weight", (FF, C)
        yield p + "mlp.up.bias", (FF,)
        yield p + "mlp.down.weight", (C, FF)
        yield p + "mlp.down.bias", (C,)
        yield p + "norm2.gamma", (C,)
        yield p + "norm2.beta", (C,)
    yield "mlm.transform.weight", (C, C)
    yield "mlm.transform.bias", (C,)
    yield "mlm.norm.gamma", (C,)
    yield "mlm.norm.beta", (C,)
    yield "mlm.bias", (V,)
    yield "pooler.weight", (C, C)
    yield "pooler.bias", (C,)
    yield "next_sentence.weight", (2, C)
    yield "next_sentence.bias", (2,)


def initial(k, name, shape):
    n = math.prod(shape)
    base = 1.0 if name.endswith("gamma") else 0.0
    values = [base + 0.2 * math.sin(1.7 * i + 0.9 * k) for i in range(n)]
    return torch.tensor(values, dtype=torch.float32).double().view(shape)


def norm(x, w, prefix):
    return F.layer_norm(x, (C,), w[prefix + "gamma"], w[prefix + "beta"], 1e-12)


def forward(w, tokens, slots, targets):
    begin = torch.tensor(DOCUMENTS)
    t = torch.arange(T)
    visible = begin[:, :, None] == begin[:, None, :]  # (B, query, key)
    x = w["embedding.token"][tokens] + w["embedding.position"][t[None, :] - begin]
    x = norm(x + w["token_type_embedding.weight"][torch.tensor(TYPES)], w, "embedding_norm.")
    for l in range(L):
        p = f"layers.{l}."
        qkv = torch.einsum("btc,khdc->kbhtd", x, w[p + "attention.qkv.weight"])
        q, k, v = qkv + w[p + "attention.qkv.bias"][:, None, :, None, :]
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(C // NH)
        scores = scores.masked_fill(~visible[:, None], float("-inf"))
        a = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C)
        x = norm(x + a @ w[p + "attention.out.weight"].T + w[p + "attention.out.bias"], w, p + "norm1.")
        u = F.gelu(x @ w[p + "mlp.up.weight"].T + w[p + "mlp.up.bias"])
        x = norm(x + u @ w[p + "mlp.down.weight"].T + w[p + "mlp.down.bias"], w, p + "norm2.")
    h = x.flatten(0, 1)[slots.flatten()]
    h = norm(F.gelu(h @ w["mlm.transform.weight"].T + w["mlm.transform.bias"]), w, "mlm.norm.")
    masked = F.cross_entropy(h @ w["embedding.token"].T + w["mlm.bias"], targets.flatten(), ignore_index=-1)
    pooled = torch.tanh(x[:, 0] @ w["pooler.weight"].T + w["pooler.bias"])
    pairs = pooled @ w["next_sentence.weight"].T + w["next_sentence.bias"]
    return masked + F.cross_entropy(pairs, torch.tensor(LABELS), ignore_index=-1)


def batch(step):
    tokens = torch.tensor([[(7 * b + 5 * t + t * t + 3 * step) % V for t in range(T)] for b in range(B)])
    slots = torch.tensor([[b * T + (2 * p + b + step) % 8 for p in range(P)] for b in range(B)])
    targets = torch.tensor([[(3 * b + 11 * p + 2 * step + 1) % V for p in range(P)] for b in range(B)])
    targets[1, 2] = targets[1, 3] = -1  # fewer masks than room for them
    slots[1, 2] = slots[1, 3] = T
    return tokens, slots, targets


def main():
    w = {name: initial(k, name, shape).requires_grad_() for k, (name, shape) in enumerate(names())}
    plain = [p for n, p in w.items() if p.dim() == 1 or n.endswith("qkv.bias")]  # no decay
    decayed = [p for n, p in w.items() if not any(p is b for b in plain)]
    out = {"gradients": {}, "losses": [], "norms": []}
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}],
                                  lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = forward(w, *batch(step))
        loss.backward()
        if step == 0:
            out["gradients"] = {n: [float(f"{g:.9g}") for g in p.grad.flatten().tolist()] for n, p in w.items()}
        out["norms"].append(torch.nn.utils.clip_grad_norm_(list(w.values()), CLIP).item())
        out["losses"].append(loss.item())
        optimizer.step()
    print(json.dumps(out, separators=(",", ":")))


if __name__ == "__main__":
    main()
