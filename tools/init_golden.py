"""Prints what torch.nn.init draws: the golden figures of crates/convnet/src/state/rules.rs.

The deviation and the largest magnitude of many drawn weights of the two layers of the test's network, and the orthogonal
factor of a small matrix.
"""

import argparse

import torch
from torch import nn

RULES = {
    "kaiming-normal": nn.init.kaiming_normal_,
    "kaiming-uniform": nn.init.kaiming_uniform_,
    "xavier-normal": nn.init.xavier_normal_,
    "xavier-uniform": nn.init.xavier_uniform_,
    "trunc-normal": lambda weight: nn.init.trunc_normal_(weight, std=0.02),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100, help="how often each weight is drawn")
    draws = parser.parse_args().draws
    torch.manual_seed(0)
    layers = {"conv": nn.Conv2d(32, 96, (3, 5), groups=2), "linear": nn.Linear(96 * 16, 300)}
    for rule, draw in RULES.items():
        for name, layer in layers.items():
            squares, largest = 0.0, 0.0
            for _ in range(draws):
                weight = draw(layer.weight.detach())
                squares += weight.double().square().mean().item()
                largest = max(largest, weight.abs().max().item())
            print(f"{rule} {name}: deviation {(squares / draws) ** 0.5:.6f}, largest {largest:.6f}")
    matrix = torch.tensor([[3.0, 1.0], [0.0, 2.0], [4.0, 5.0]], dtype=torch.float64)
    q, r = torch.linalg.qr(matrix)
    print("orthogonal factor:", (q * r.diagonal().sign()).flatten().tolist())
    print(f"{len(RULES) * len(layers)} weights and 1 matrix shown")


if __name__ == "__main__":
    main()
