#!/usr/bin/env python3
"""Writes modern_encoder_tiny_golden.json: loss, all gradients and 20 AdamW steps of a tiny ModernBERT, by PyTorch in
float64.

    python make_modern_encoder_golden.py > modern_encoder_tiny_golden.json

Weights, tokens and targets are closed formulas that the test repeats, so only results are stored. Three sequences: one
document; one with three tokens of padding; two documents.
"""
import json
import math

import torch
import torch.nn.functional as F

V, C, NH, FF, L, B, T, P = 37, 16, 4, 24, 4, 3, 11, 4
HS = C // NH
LOCAL_ATTENTION, GLOBAL_EVERY, THETA, LOCAL_THETA = 4, 3, 160000.0, 10000.0
STEPS, RATE, BETA1, BETA2, EPSILON, DECAY, CLIP = 20, 3e-3, 0.9, 0.95, 1e-8, 0.1, 1.0
DOCUMENTS = [[0] * 11, [0] * 8 + [8] * 3, [0] * 6 + [6] * 5]  # first token of each token's document


def names():
    yield "embedding.token", (V, C)
    yield "embedding_norm.gamma", (C,)
    for l in range(L):
        p = f"layers.{l}."
        if l > 0:
            yield p + "norm1.gamma", (C,)
        yield p + "attention.qkv.weight", (3, NH, HS, C)
        yield p + "attention.out.weight", (C, C)
        yield p + "norm2.gamma", (C,)
        yield p + "mlp.up.weight", (2, FF, C)
        yield p + "mlp.down.weight", (C, FF)
    yield "final_norm.gamma", (C,)
    yield "mlm.transform.weight", (C, C)
    yield "mlm.norm.gamma", (C,)
    yield "mlm.bias", (V,)


def initial(k, name, shape):
    n = math.prod(shape)
    base = 1.0 if name.endswith("gamma") else 0.0
    values = [base + 0.2 * math.sin(1.7 * i + 0.9 * k) for i in range(n)]
    return torch.tensor(values, dtype=torch.float32).double().view(shape)


def norm(x, w, prefix):
    return F.layer_norm(x, (C,), w[prefix + "gamma"], None, 1e-5)


def rotary(x, positions, theta):  # x (B, NH, T, HS)
    angles = positions[:, None, :, None] * theta ** (-torch.arange(HS // 2, dtype=torch.float64) * 2 / HS)
    low, high = x[..., : HS // 2], x[..., HS // 2 :]
    return torch.cat([low * angles.cos() - high * angles.sin(), high * angles.cos() + low * angles.sin()], -1)


def forward(w, tokens, slots, targets):
    begin = torch.tensor(DOCUMENTS)
    t = torch.arange(T)
    positions = t[None, :] - begin
    document = begin[:, :, None] == begin[:, None, :]  # (B, query, key)
    near = (t[:, None] - t[None, :]).abs() <= LOCAL_ATTENTION // 2
    x = norm(w["embedding.token"][tokens], w, "embedding_norm.")
    for l in range(L):
        p = f"layers.{l}."
        everywhere = l % GLOBAL_EVERY == 0
        h = norm(x, w, p + "norm1.") if l > 0 else x
        q, k, v = torch.einsum("btc,khdc->kbhtd", h, w[p + "attention.qkv.weight"])
        theta = THETA if everywhere else LOCAL_THETA
        scores = rotary(q, positions, theta) @ rotary(k, positions, theta).transpose(-1, -2) / math.sqrt(HS)
        visible = document if everywhere else document & near
        scores = scores.masked_fill(~visible[:, None], float("-inf"))
        a = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C)
        x = x + a @ w[p + "attention.out.weight"].T
        u, gate = torch.einsum("btc,kfc->kbtf", norm(x, w, p + "norm2."), w[p + "mlp.up.weight"])
        x = x + (F.gelu(u) * gate) @ w[p + "mlp.down.weight"].T
    h = norm(x, w, "final_norm.").flatten(0, 1)[slots.flatten()]
    h = norm(F.gelu(h @ w["mlm.transform.weight"].T), w, "mlm.norm.")
    return F.cross_entropy(h @ w["embedding.token"].T + w["mlm.bias"], targets.flatten(), ignore_index=-1)


def batch(step):
    tokens = torch.tensor([[(7 * b + 5 * t + t * t + 3 * step) % V for t in range(T)] for b in range(B)])
    slots = torch.tensor([[b * T + (2 * p + b + step) % 8 for p in range(P)] for b in range(B)])
    targets = torch.tensor([[(3 * b + 11 * p + 2 * step + 1) % V for p in range(P)] for b in range(B)])
    targets[1, 2] = targets[1, 3] = -1  # fewer masks than room for them
    slots[1, 2] = slots[1, 3] = T
    return tokens, slots, targets


def main():
    w = {name: initial(k, name, shape).requires_grad_() for k, (name, shape) in enumerate(names())}
    plain = [p for p in w.values() if p.dim() == 1]  # no decay
    decayed = [p for p in w.values() if p.dim() > 1]
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
