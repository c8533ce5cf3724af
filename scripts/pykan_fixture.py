"""Writes nis-core/tests/golden/pykan.json: networks of pykan 0.2.8 as arrays, with inputs and outputs.

Needs a venv with torch (2.15.0 was used) and pykan==0.2.8:

    python scripts/pykan_fixture.py nis-core/tests/golden/pykan.json
"""

import json
import sys
import tempfile

import torch
from kan import KAN, create_dataset

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
CKPT = tempfile.mkdtemp()


def made(**kwargs):
    return KAN(device="cpu", auto_save=False, ckpt_path=CKPT, **kwargs)


def shaken(model, generator):
    """Random scales, shifts and masks of every node and sum, so that none of them can be forgotten."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.startswith(("node_", "subnode_")) or name.endswith(("scale_sp", "scale_base")):
                p.add_(0.4 * (torch.rand(p.shape, generator=generator) - 0.5))
            if name.endswith("act_fun.0.coef") or name.endswith(".coef"):
                p.add_(0.5 * (torch.rand(p.shape, generator=generator) - 0.5))
    return model


def case(name, model, generator, **options):
    x = 3.0 * (torch.rand(9, model.width_in[0], generator=generator) - 0.5)
    with torch.no_grad():
        y = model(x)
    state = {
        key: {"shape": list(value.shape), "values": value.double().flatten().tolist()}
        for key, value in model.state_dict().items()
    }
    names = [layer.funs_name for layer in model.symbolic_fun]
    symbolic = any(layer.mask.abs().sum() > 0 for layer in model.symbolic_fun)
    options = {"base_fun": model.base_fun_name, "mult_arity": model.mult_arity} | options
    if symbolic:
        options["funs_name"] = names
    return {
        "name": name,
        "options": options,
        "state": state,
        "x": x.flatten().tolist(),
        "y": y.flatten().tolist(),
    }


def main(path):
    g = torch.Generator().manual_seed(4)
    cases = []

    data = create_dataset(lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2, train_num=60)
    model = made(width=[2, 3, 1], grid=3, k=3, seed=0)
    model.fit(data, opt="LBFGS", steps=3, lamb=0.0)
    cases.append(case("fitted, grids that follow the samples", model, g))

    model = shaken(made(width=[2, [2, 2], [1, 1]], grid=2, k=2, seed=1, base_fun="identity", mult_arity=3), g)
    cases.append(case("products of three factors", model, g))

    arity = [[], [2, 3], []]
    model = shaken(made(width=[2, [1, 2], [2, 0]], grid=2, k=4, seed=2, base_fun="zero", mult_arity=arity), g)
    cases.append(case("products of two and three factors, no base function", model, g))

    model = shaken(made(width=[3, 4, 1], grid=2, k=1, seed=3), g)
    for (l, i, j), f in {
        (0, 0, 0): "sin",
        (0, 1, 0): "x^2",
        (0, 2, 0): "gaussian",
        (0, 0, 1): "arctan",
        (0, 1, 1): "tanh",
        (0, 2, 1): "abs",
        (0, 0, 2): "0",
        (0, 1, 2): "exp",
        (0, 2, 2): "sgn",
        (0, 0, 3): "arcsin",
        (0, 1, 3): "arccos",
        (0, 2, 3): "arctanh",
        (1, 0, 0): "x",
        (1, 1, 0): "cos",
    }.items():
        model.fix_symbolic(l, i, j, f, fit_params_bool=False, log_history=False)
    with torch.no_grad():
        for layer in model.symbolic_fun:
            layer.affine.add_(0.3 * (torch.rand(layer.affine.shape, generator=g) - 0.5))
        # Into the domain of arcsin, arccos and arctanh for inputs within 1.5.
        model.symbolic_fun[0].affine[3, :, 0] = 0.4
    model.remove_edge(1, 2, 0, log_history=False)
    cases.append(case("symbolic and removed edges", model, g))
    cases.append(case("symbolic edges switched off", switched_off(model), g, symbolic_enabled=False))

    with open(path, "w") as out:
        json.dump({"about": "pykan 0.2.8, float64, scripts/pykan_fixture.py", "cases": cases}, out)
        out.write("\n")


def switched_off(model):
    model.symbolic_enabled = False
    return model


if __name__ == "__main__":
    main(sys.argv[1])
