#!/usr/bin/env python3
"""Writes gpt_tiny_golden.json: loss, all gradients and 20 AdamW steps of a tiny GPT-2, by PyTorch in float64.

    python make_gpt_golden.py > gpt_tiny_golden.json

Weights, tokens and targets are closed formulas that the test repeats, so only results are stored. Two sequences; the
second one holds two documents (attention and positions restart at its sixth token).
"""
import json
import math

import torch
import torch.nn.functional as F

V, C, NH, FF, L, B, T = 37, 16, 4, 64, 2, 2, 11
STEPS, RATE, BETA1, BETA2, EPSILON, DECAY, CLIP = 20, 3e-3, 0.9, 0.95, 1e-8, 0.1, 1.0
DOCUMENTS = [[0] * 11, [0] * 5 + [5] * 6]  # first token of each token's document


def names():
    yield "embedding.token", (V, C)
    yield "embedding.position", (T, C)
    for l in range(L):
        p = f"layers.{l}."
        yield p + "norm1.gamma", (C,)
        yield p + "norm1.beta", (C,)
        yield p + "attention.qkv.weight", (3, NH, C // NH, C)
        yield p + "attention.qkv.bias", (3, NH, C // NH)
        yield p + "attention.out.weight", (C, C)
        yield p + "attention.out.bias", (C,)
        yield p + "norm2.gamma", (C,)
        yield p + "norm2.beta", (C,)
        yield p + "mlp.up.weight", (FF, C)
        yield p + "mlp.up.bias", (FF,)
        yield p + "mlp.down.weight", (C, FF)
        yield p + "mlp.down.bias", (C,)
    yield "final_norm.gamma", (C,)
    yield "final_norm.beta", (C,)


def initial(k, name, shape):
    n = math.prod(shape)
    base = 1.0 if name.endswith("gamma") else 0.0
    values = [base + 0.2 * math.sin(1.7 * i + 0.9 * k) for i in range(n)]
    return torch.tensor(values, dtype=torch.float32).double().view(shape)


def norm(x, w, prefix):
    return F.layer_norm(x, (C,), w[prefix + "gamma"], w[prefix + "beta"], 1e-5)


def forward(w, tokens, targets):
    begin = torch.tensor(DOCUMENTS)
    t = torch.arange(T)
    positions = t[None, :] - begin
    visible = (t[None, None, :] <= t[None, :, None]) & (t[None, None, :] >= begin[:, :, None])  # (B, query, key)
    x = w["embedding.token"][tokens] + w["embedding.position"][positions]
    for l in range(L):
        p = f"layers.{l}."
        h = norm(x, w, p + "norm1.")
        qkv = torch.einsum("btc,khdc->kbhtd", h, w[p + "attention.qkv.weight"])
        q, k, v = qkv + w[p + "attention.qkv.bias"][:, None, :, None, :]
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(C // NH)
        scores = scores.masked_fill(~visible[:, None], float("-inf"))
        a = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C)
        x = x + a @ w[p + "attention.out.weight"].T + w[p + "attention.out.bias"]
        h = norm(x, w, p + "norm2.")
        u = F.gelu(h @ w[p + "mlp.up.weight"].T + w[p + "mlp.up.bias"], approximate="tanh")
        x = x + u @ w[p + "mlp.down.weight"].T + w[p + "mlp.down.bias"]
    logits = norm(x, w, "final_norm.") @ w["embedding.token"].T
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def batch(step):
    tokens = torch.tensor([[(7 * b + 5 * t + t * t + 3 * step) % V for t in range(T)] for b in range(B)])
    targets = torch.tensor([[(3 * b + 11 * t + 2 * step + 1) % V for t in range(T)] for b in range(B)])
    targets[1, 4] = -1  # last token of its document
    return tokens, targets


def main():
    w = {name: initial(k, name, shape).requires_grad_() for k, (name, shape) in enumerate(names())}
    decayed = [p for p in w.values() if p.dim() > 1]
    others = [p for p in w.values() if p.dim() == 1]
    out = {"gradients": {}, "losses": [], "norms": []}
    # The bias (3, NH, HS) has three dims here but is a bias: no decay.
    biases = [p for n, p in w.items() if n.endswith("qkv.bias")]
    decayed = [p for p in decayed if not any(p is b for b in biases)]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY},
                                   {"params": others + biases, "weight_decay": 0.0}],
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
