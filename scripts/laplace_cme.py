"""Parameters of concentrated matrix-exponential densities, written to a JSON file as [n, omega, phi_1 ... phi_n].

The density is proportional to e^-x prod_i cos^2((omega x - phi_i)/2) (Horvath, Horvath, Almousa and Telek,
Performance Evaluation 137 (2020) 102067); omega and the phases are chosen so that its squared coefficient of
variation is least. First three numbers (omega, place and width of the gap between equally spaced zeros) are searched
from a grid, then all by L-BFGS. The moments are sums of positive terms: those from Fourier coefficients cancel from
n = 30 or so on, and have minima that are not there. Needs numpy and scipy; run `python scripts/laplace_cme.py
cme.json`. Takes some minutes.
"""
import json
import sys

import numpy as np
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
    out.append([n] + [float(v) for v in best])
    json.dump(out, open(sys.argv[1], "w"))
