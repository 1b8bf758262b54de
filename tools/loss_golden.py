"""Write what PyTorch, torchvision and timm give for every loss, as golden files.

    python tools/loss_golden.py

needs torch, torchvision and timm, and writes crates/kernels/tests/kernels/losses.tsv (a line a loss: its name, its value, its
gradient by the logits) and crates/convnet/src/exec/losses.tsv (a line a loss: its name, its values in two steps of a small
network, all weights after them). PyTorch runs in float64. Inputs are not stored: `values` makes them, and the Rust tests make the
same ones.
"""

import argparse
import pathlib

import torch
from timm.loss import BinaryCrossEntropy
from torch import nn
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

CRATES = pathlib.Path(__file__).parent.parent / "crates"
ROWS, CLASSES = 3, 7


def values(shape, step, modulus, scale):
    """((i * step) mod modulus - modulus // 2) / scale, rounded to float32."""
    count = torch.tensor(shape).prod()
    numbers = (torch.arange(count, dtype=torch.float64) * step) % modulus - modulus // 2
    return (numbers / scale).float().double().reshape(shape)


def losses(rows, classes):
    """Each loss, as a function of logits (rows, classes)."""
    labels = torch.tensor([(3 * i + 2) % classes for i in range(rows)])
    soft = (values((rows, classes), 5, 9, 8.0) + 0.5).abs()
    several = ((torch.arange(rows * classes) * 5) % 3 == 0).double().reshape(rows, classes)
    weight = (values((classes,), 3, 7, 8.0).abs() + 0.25).float().double()
    positive = (values((classes,), 2, 5, 4.0).abs() + 0.5).float().double()
    teacher = values((rows, classes), 29, 31, 8.0)
    number = lambda x: torch.tensor(x).double().item()  # As float32 has it.
    smoothing, alpha, gamma = number(0.1), number(0.3), number(1.5)

    def focal(x, weight, gamma):
        log = F.log_softmax(x, 1).gather(1, labels[:, None])[:, 0]
        own = weight[labels]
        return -(own * (1 - log.exp()) ** gamma * log).sum() / own.sum()

    def softmax_kl(x, t):
        return t * t * F.kl_div(F.log_softmax(x / t, 1), F.softmax(teacher / t, 1), reduction="batchmean")

    def sigmoid_kl(x, t):
        p = torch.sigmoid(teacher / t)
        both = lambda z: p * F.logsigmoid(z) + (1 - p) * F.logsigmoid(-z)
        return t * t * (both(teacher / t) - both(x / t)).mean()

    cross = lambda **settings: nn.CrossEntropyLoss(**settings)
    timm = lambda **settings: BinaryCrossEntropy(**settings)
    return {
        "smoothing": lambda x: cross(label_smoothing=smoothing)(x, labels),
        "weights": lambda x: cross(weight=weight)(x, labels),
        "weights-smoothing": lambda x: cross(weight=weight, label_smoothing=smoothing)(x, labels),
        "soft-weights-smoothing": lambda x: cross(weight=weight, label_smoothing=smoothing)(x, soft),
        "focal": lambda x: focal(x, weight, gamma),
        "focal-two": lambda x: focal(x, torch.ones(classes).double(), 2.0),
        "binary": lambda x: timm(smoothing=smoothing)(x, labels),
        "binary-threshold-sum": lambda x: timm(
            smoothing=smoothing, target_threshold=0.05, sum_classes=True
        )(x, labels),
        "binary-several": lambda x: nn.BCEWithLogitsLoss(weight=weight, pos_weight=positive)(x, several),
        "binary-focal": lambda x: sigmoid_focal_loss(x, several, alpha=0.25, gamma=2, reduction="mean"),
        "binary-focal-soft": lambda x: sigmoid_focal_loss(x, soft.clamp(max=1), alpha=-1, gamma=gamma, reduction="mean"),
        "teacher": lambda x: (1 - alpha) * cross()(x, labels) + alpha * softmax_kl(x, 4.0),
        "teacher-smoothing": lambda x: (1 - alpha) * cross(label_smoothing=smoothing)(x, labels)
        + alpha * softmax_kl(x, 0.5),
        "teacher-several": lambda x: (1 - alpha) * nn.BCEWithLogitsLoss()(x, several)
        + alpha * sigmoid_kl(x, 2.0),
        "teacher-hard": lambda x: (1 - alpha) * cross()(x, labels) + alpha * cross()(x, teacher.argmax(1)),
    }


def line(name, numbers):
    return "\t".join([name, *(f"{number:.9e}" for number in numbers)]) + "\n"


def of_logits():
    """Loss and gradient of logits."""
    text = ""
    for name, loss in losses(ROWS, CLASSES).items():
        x = values((ROWS, CLASSES), 37, 41, 8.0).requires_grad_()
        value = loss(x)
        value.backward()
        text += line(name, [value.item(), *x.grad.flatten().tolist()])
    return text


def of_steps():
    """Losses of two steps of a small network, and its weights afterwards."""
    text = ""
    rows, classes = 4, 5
    for name, loss in losses(rows, classes).items():
        net = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, classes)
        ).double()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.copy_(values(parameter.shape, 37, 41, 40.0))
        images = values((rows, 1, 4, 4), 29, 61, 30.0)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
        found = []
        for _ in range(2):
            optimizer.zero_grad()
            value = loss(net(images))
            value.backward()
            optimizer.step()
            found.append(value.item())
        weights = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
        text += line(name, [*found, *weights.tolist()])
    return text


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    for path, text in (
        (CRATES / "kernels/tests/kernels/losses.tsv", of_logits()),
        (CRATES / "convnet/src/exec/losses.tsv", of_steps()),
    ):
        path.write_text(text)
        print(f"{path.name}: {text.count(chr(10))} losses of torch {torch.__version__}")


if __name__ == "__main__":
    main()
