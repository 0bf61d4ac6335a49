#!/usr/bin/env python3
"""Writes lamb_golden.json: five LAMB steps over a table of small tensors, in float64.

    python make_lamb_golden.py > lamb_golden.json

The formula is that of You et al. (arXiv 1904.00962) as NVIDIA's BERT recipe has it: gradients clipped by their global
norm, bias-corrected moments, one trust ratio per tensor, 1 for what does not decay. Weights and gradients are closed
formulas that the test repeats, so only results are stored.
"""
import json
import math
import struct

STEPS, RATE, BETA1, BETA2, EPSILON, DECAY, CLIP = 5, 6e-3, 0.9, 0.999, 1e-6, 0.01, 1.0
TABLE = [  # name, elements, matrices, decays, size of weights
    ("embedding", 37 * 6, 1, True, 0.2),
    ("qkv.weight", 3 * 4 * 3 * 6, 3, True, 0.5),
    ("qkv.bias", 3 * 4 * 3, 3, False, 0.1),
    ("down.weight", 6 * 20, 1, True, 0.05),
    ("norm.gamma", 6, 1, False, 1.0),
    ("late.weight", 4 * 5, 1, True, 0.0),
]


def fp32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def weight(k, i, size):
    return fp32(size * math.sin(1.7 * i + 0.9 * k))


def gradient(k, i, step):
    return fp32((0.02 + 0.05 * k) * math.cos(0.37 * i + 0.7 * k + 1.1 * step))


def main():
    w = [[weight(k, i, size) for i in range(n)] for k, (_, n, _, _, size) in enumerate(TABLE)]
    m = [[0.0] * len(x) for x in w]
    v = [[0.0] * len(x) for x in w]
    out = {"clip_factors": [], "ratios": []}
    for step in range(STEPS):
        g = [[gradient(k, i, step) for i in range(len(x))] for k, x in enumerate(w)]
        norm = math.sqrt(sum(a * a for x in g for a in x))
        scale = min(1.0, CLIP / (norm + 1e-6))
        out["clip_factors"].append(scale)
        ratios = []
        for k, (_, n, matrices, decays, _) in enumerate(TABLE):
            decay = DECAY if decays else 0.0
            u = []
            for i in range(n):
                a = g[k][i] * scale
                m[k][i] = BETA1 * m[k][i] + (1 - BETA1) * a
                v[k][i] = BETA2 * v[k][i] + (1 - BETA2) * a * a
                m_hat = m[k][i] / (1 - BETA1 ** (step + 1))
                v_hat = v[k][i] / (1 - BETA2 ** (step + 1))
                u.append(m_hat / (math.sqrt(v_hat) + EPSILON) + decay * w[k][i])
            size = n // matrices
            for begin in range(0, n, size):
                span = range(begin, begin + size)
                w_norm = math.sqrt(sum(w[k][i] ** 2 for i in span))
                u_norm = math.sqrt(sum(u[i] ** 2 for i in span))
                ratio = w_norm / u_norm if decays and w_norm > 0 and u_norm > 0 else 1.0
                ratios.append(ratio)
                for i in span:
                    w[k][i] -= RATE * ratio * u[i]
        out["ratios"].append([float(f"{r:.9g}") for r in ratios])
    out["weights"] = {TABLE[k][0]: [float(f"{a:.9g}") for a in x] for k, x in enumerate(w)}
    print(json.dumps(out, separators=(",", ":")))


if __name__ == "__main__":
    main()
