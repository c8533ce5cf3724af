"""Writes laplace_inverse.json: the 16 pairs of the golden data at 100 times, from closed forms in 40 digits (mpmath)."""
import json, sys
from mpmath import mp, mpf, exp, cos, sin, erfc, besselj, sqrt, log, euler, pi, quad, erfi
mp.dps = 40
f = {
 "exp": ("1/(s+1)", lambda t: exp(-t)),
 "ramp": ("1/s^2", lambda t: t),
 "delay": ("exp(-s)/s", lambda t: mpf(t > 1)),
 "invsqrt": ("1/sqrt(s)", lambda t: 1/sqrt(pi*t)),
 "heat": ("exp(-2*sqrt(s))/s", lambda t: erfc(1/sqrt(t))),
 "bessel": ("1/sqrt(s^2+1)", lambda t: besselj(0, t)),
 "cos10": ("s/(s^2+100)", lambda t: cos(10*t)),
 "square": ("1/(s*(1+exp(-s)))", lambda t: mpf(int(t) % 2 == 0)),
 "log": ("log(s)/s", lambda t: -euler - log(t)),
 "damped": ("5/((s+0.1)^2+25)", lambda t: exp(-t/10)*sin(5*t)),
 "sinc": ("atan(1/s)", lambda t: sin(t)/t),
 "erfcx": ("1/(s+sqrt(s))", lambda t: exp(t)*erfc(sqrt(t))),
 "ml_half": ("1/(sqrt(s)*(s+1))", lambda t: exp(-t)*erfi(sqrt(t))),
 "triple_pole": ("1/(s+2)^3", lambda t: t**2*exp(-2*t)/2),
 "unstable": ("1/(s-0.25)", lambda t: exp(t/4)),
 "heat_kernel": ("exp(-sqrt(s))", lambda t: exp(-1/(4*t))/(2*sqrt(pi)*t**mpf(1.5))),
}
# 0.05 .. 9.95 in steps of 0.1: no jump lies on a time.
t = [0.05 + 0.1*k for k in range(100)]
out = {"t": t, "pairs": [{"name": n, "F": F, "f": [float(g(mpf(x))) for x in t]} for n, (F, g) in f.items()]}
json.dump(out, open(sys.argv[1], "w"), indent=0)
