"""Makes math.json: float64 arguments and values of the transcendental functions, to far more than float64 precision.

Usage: python make-math.py [points per function] > math.json    (needs mpmath 1.4)

Each function has x (for pow also p), y = the value rounded to float64, and e = (value - y) in hundredths of a unit in
the last place of y, so that errors can be measured to a fraction of a unit.
"""
import json
import math
import random
import sys

import mpmath as mp

mp.mp.prec = 1400  # reduces the largest float64 modulo pi and still leaves a hundred digits
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 480
TINY = 5e-324


def ulp(y):
    return max(math.ulp(y), TINY)


def rounded(value):
    """(nearest float64, rest in hundredths of a unit)."""
    y = float(value)
    if not math.isfinite(y):
        return y, 0
    return y, round(float((value - mp.mpf(y)) / mp.mpf(ulp(y))) * 100)


def digits(y):
    return {math.inf: "inf", -math.inf: "-inf"}.get(y, y)


def log_uniform(rng, low, high):
    return math.ldexp(1 + rng.random(), rng.randint(low, high - 1))


def signed(rng, x):
    return x if rng.random() < 0.5 else -x


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def exp_points(rng):
    return rng.choice([
        lambda: rng.uniform(-745.2, 709.8), lambda: rng.uniform(-1, 1), lambda: rng.uniform(-745.2, -707),
        lambda: signed(rng, log_uniform(rng, -60, 0)),
    ])()


def expm1_points(rng):
    return rng.choice([
        lambda: rng.uniform(-40, 709.7), lambda: rng.uniform(-2, 2), lambda: signed(rng, log_uniform(rng, -1074, 1)),
    ])()


def log_points(rng):
    return rng.choice([
        lambda: log_uniform(rng, -1022, 1023), lambda: rng.uniform(0.5, 2), lambda: 1 + signed(rng, log_uniform(rng, -52, -2)),
        lambda: rng.randint(1, 2**52) * TINY,
    ])()


def log1p_points(rng):
    return rng.choice([
        lambda: log_uniform(rng, -1022, 1023), lambda: rng.uniform(-0.99999, 3), lambda: signed(rng, log_uniform(rng, -70, -1)),
        lambda: -1 + log_uniform(rng, -52, -1), lambda: signed(rng, log_uniform(rng, -1074, -1)),
    ])()


def near_multiple(rng):
    n = rng.randint(1, rng.choice([8, 1000, 2**20, 2**40]))
    x = float(n * mp.pi / 2)
    return signed(rng, x + rng.randint(-2, 2) * math.ulp(x))


def angle_points(rng):
    return rng.choice([
        lambda: rng.uniform(-10, 10), lambda: signed(rng, log_uniform(rng, -30, 20)),
        lambda: signed(rng, log_uniform(rng, 20, 1023)), lambda: near_multiple(rng),
        lambda: rng.uniform(-1, 1), lambda: signed(rng, log_uniform(rng, -1074, -1)),
    ])()


def atan_points(rng):
    return rng.choice([
        lambda: rng.uniform(-4, 4), lambda: signed(rng, log_uniform(rng, -1074, 1023)),
        lambda: signed(rng, log_uniform(rng, -30, 60)),
    ])()


def tanh_points(rng):
    return rng.choice([
        lambda: rng.uniform(-2, 2), lambda: rng.uniform(-22, 22), lambda: signed(rng, log_uniform(rng, -1074, 1)),
        lambda: rng.uniform(0.5, 1),
    ])()


def erf_points(rng):
    return rng.choice([
        lambda: rng.uniform(-2, 2), lambda: rng.uniform(-6.2, 6.2), lambda: signed(rng, log_uniform(rng, -1074, 1)),
    ])()


def sigmoid_points(rng):
    return rng.choice([lambda: rng.uniform(-5, 5), lambda: rng.uniform(-745, 45)])()


def pow_points(rng):
    """Pairs whose power is finite and not zero."""
    base = rng.choice([
        lambda: log_uniform(rng, -1022, 1023), lambda: rng.uniform(0.5, 2), lambda: 1 + signed(rng, log_uniform(rng, -40, -2)),
        lambda: rng.randint(1, 2**52) * TINY, lambda: rng.uniform(0, 100),
    ])()
    size = abs(math.log(base)) or 1
    return base, rng.choice([
        lambda: rng.uniform(-744, 709) / size, lambda: rng.uniform(-3, 3) if size < 200 else rng.uniform(-1, 1),
        lambda: rng.uniform(-745, -707) / size,
    ])()


FIXED = {
    "exp": [709.782712893384, -708.3964185322641, -745.1332191019411, -744.4400719213812, 1e-300],
    "expm1": [709.782712893384, -37.42994775023705, 5e-324, -5e-324],
    "log": [5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 0.7071067811865475, 0.7071067811865476],
    "log1p": [-0.9999999999999999, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 4503599627370497.5],
    # The float64 number nearest to a multiple of pi/2 (Kahan), and other large ones.
    "sin": [math.ldexp(6381956970095103, 797), 1e22, 1.7976931348623157e308, 999999.5, 1000000.5, 5e-324],
    "cos": [math.ldexp(6381956970095103, 797), 1e22, 1.7976931348623157e308, 999999.5, 1000000.5],
    "tan": [math.ldexp(6381956970095103, 797), 1e22, 1.7976931348623157e308, 999999.5, 1000000.5, 5e-324],
    "atan": [0.4375, 0.6875, 1.1875, 2.4375, 1.7976931348623157e308, 5e-324],
    "tanh": [0.625, 0.6249999999999999, 19.0, 22.0, 5e-324],
    "erf": [1.0, 0.9999999999999999, 5.9, 6.0, 5e-324],
    "sigmoid": [-745.0, -709.0, 36.7],
    "pow": [],
}
FUNCTIONS = {
    "exp": (mp.exp, exp_points), "expm1": (mp.expm1, expm1_points), "log": (mp.log, log_points),
    "log1p": (mp.log1p, log1p_points), "sin": (mp.sin, angle_points), "cos": (mp.cos, angle_points),
    "tan": (mp.tan, angle_points), "atan": (mp.atan, atan_points), "tanh": (mp.tanh, tanh_points),
    "erf": (mp.erf, erf_points), "sigmoid": (sigmoid, sigmoid_points), "pow": (mp.power, pow_points),
}

out = {}
for name, (function, points) in FUNCTIONS.items():
    # Functions that need no huge reduction are much faster with fewer digits.
    mp.mp.prec = 1400 if name in ("sin", "cos", "tan") else 250 if name != "log1p" else 1300
    rng = random.Random(name)
    xs = [(x,) for x in FIXED[name]]
    while len(xs) < COUNT:
        x = points(rng)
        xs.append(x if isinstance(x, tuple) else (x,))
    if name in ("expm1", "tanh", "atan", "sin", "tan"):
        mp.mp.prec = 1400  # tiny arguments: the value differs from x far behind the point
    rows = [(x, *rounded(function(*[mp.mpf(v) for v in x]))) for x in xs]
    rows = [row for row in rows if math.isfinite(row[1]) and row[1] != 0]
    entry = {"x": [row[0][0] for row in rows]}
    if name == "pow":
        entry["p"] = [row[0][1] for row in rows]
    out[name] = {**entry, "y": [row[1] for row in rows], "e": [row[2] for row in rows]}
json.dump(out, sys.stdout, separators=(",", ":"))
print()
