"""Concentrated matrix-exponential densities of mean 1, written to a JSON file as objects of n, scv, mean and omega
(before scaling), phases, and the coefficients eta_0 ... eta_n of sum_k Re(eta_k e^{-mean (1 - i k omega) x}).

The density is proportional to e^-x prod_i cos^2((omega x - phi_i)/2) (Horvath, Horvath, Almousa and Telek,
Performance Evaluation 137 (2020) 102067); omega and the phases are chosen so that its squared coefficient of
variation is least. First three numbers (omega, place and width of the gap between equally spaced zeros) are searched
from a grid, then all by L-BFGS. The moments are sums of positive terms: those from Fourier coefficients cancel from
n = 30 or so on, and have minima that are not there; eta is computed in 60 digits. Needs numpy, scipy and mpmath; run `python scripts/laplace_cme.py
cme.json`. Takes some minutes.
"""
import json
import sys

import numpy as np
from mpmath import exp, mp, mpc, mpf
from scipy.optimize import minimize

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
THETA = np.pi * (NODES + 1)


def variation(x, gradient=False):
    """log of the squared coefficient of variation; theta = omega x runs over one period, the others are summed up."""
    omega, phi = x[0], x[1:]
    half = (THETA[:, None] - phi[None, :]) / 2
    c = np.cos(half)
    y = WEIGHTS * np.exp(np.log(np.maximum(c * c, 1e-300)).sum(1) - THETA / omega)
    y /= y.sum()
    # Period k weighs q^k and adds 2 pi k: a geometric variable of mean m and variance v beside theta.
    q = np.exp(-2 * np.pi / omega)
    m, v = 2 * np.pi * q / (1 - q), (2 * np.pi) ** 2 * q / (1 - q) ** 2
    mu = (y * THETA).sum()
    var = (y * (THETA - mu) ** 2).sum()
    value = np.log(var + v) - 2 * np.log(mu + m)
    if not gradient:
        return value
    t = np.where(np.abs(c) > 1e-150, np.tan(half), 0.0)
    dy = np.concatenate([(THETA / omega**2)[:, None], t], axis=1) * y[:, None]
    dy -= y[:, None] * dy.sum(0)
    dmu = (dy * THETA[:, None]).sum(0)
    dvar = (dy * ((THETA - mu) ** 2)[:, None]).sum(0)
    dq = q * 2 * np.pi / omega**2
    dm, dv = np.zeros(len(x)), np.zeros(len(x))
    dm[0] = 2 * np.pi / (1 - q) ** 2 * dq
    dv[0] = (2 * np.pi) ** 2 * (1 + q) / (1 - q) ** 3 * dq
    return value, (dvar + dv) / (var + v) - 2 * (dmu + dm) / (mu + m)


def spread(p, n):
    omega, place, gap = p
    # zeros over one period, but for a gap around the peak; a zero of a factor is at phi + pi
    zeros = place + gap / 2 + (2 * np.pi - gap) * (np.arange(n) + 0.5) / n
    return np.concatenate([[omega], zeros - np.pi])


def density(n, x):
    mp.dps = 60
    omega, phases = mpf(float(x[0])), [mpf(float(p)) for p in x[1:]]
    c = [mpc(1)]
    for p in phases:
        outer, nxt = exp(mpc(0, 1) * p) / 4, [mpc(0)] * (len(c) + 2)
        for k, v in enumerate(c):
            nxt[k] += v * outer
            nxt[k + 1] += v / 2
            nxt[k + 2] += v * outer.conjugate()
        c = nxt
    rate = [1 - mpc(0, 1) * omega * (k - n) for k in range(2 * n + 1)]
    m = [sum((a / r**j).real for a, r in zip(c, rate)) for j in (1, 2, 3)]
    mean = m[1] / m[0]
    eta = [c[n + k] * mean / m[0] * (1 if k == 0 else 2) for k in range(n + 1)]
    return {"n": n, "scv": float(2 * m[2] * m[0] / m[1] ** 2 - 1), "mean": float(mean), "omega": float(omega),
            "phases": [float(p) for p in phases], "eta": [[float(e.real), float(e.imag)] for e in eta]}


out = []
for n in (10, 25, 50):
    starts = sorted(((variation(spread((o, p, g), n)), o, p, g)
                     for o in np.geomspace(0.3, 3 * n, 24) for p in np.linspace(0.3, 6, 20)
                     for g in np.linspace(0.5, 14, 12) / n), key=lambda r: r[0])[:5]
    best = None
    for start in starts:
        few = minimize(lambda p: variation(spread(p, n)), start[1:], method="Nelder-Mead", options={"maxiter": 1500})
        x = spread(few.x, n)
        for _ in range(3):
            x = minimize(variation, x, args=(True,), jac=True, method="L-BFGS-B",
                         options={"maxiter": 3000, "ftol": 1e-15}).x
        if best is None or variation(x) < variation(best):
            best = x
    print(n, np.exp(variation(best)), 1 / n**2, best[0], file=sys.stderr, flush=True)
    out.append(density(n, best))
    json.dump(out, open(sys.argv[1], "w"))
