"""PyTorch on the README's larger training: the tutorial's LeNet on all of Fashion-MNIST.

    python tools/torch_lenet.py /usr/share/datasets/fashion-mnist [EPOCHS]

Adam, one cycle up to 0.003, batches of 64, two threads, images in memory and already normalized: the settings of
`convnet train lenet --data fashion-mnist`, with the data loading left out in PyTorch's favour. Prints images a
second of training and the test accuracy of each epoch.
"""
import gzip
import os
import sys
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(2)
torch.manual_seed(0)


def read(folder, name, offset):
    with gzip.open(os.path.join(folder, name + ".gz")) as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=offset).copy())


def main():
    folder, epochs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    images = [read(folder, name, 16).view(-1, 1, 28, 28).float() / 255
              for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")]
    labels = [read(folder, name, 8).long() for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")]
    mean, std = images[0].mean(), images[0].std()
    x, test = [(nn.functional.pad(image, (2, 2, 2, 2)) - mean) / std for image in images]
    y, truth = labels
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    optimizer = torch.optim.Adam(net.parameters())
    steps = -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * steps)
    seconds = 0.0
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x))
        start = time.perf_counter()
        for batch in order.split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
        took = time.perf_counter() - start
        seconds += took
        with torch.no_grad():
            accuracy = (net(test).argmax(1) == truth).float().mean().item()
        print(f"epoch {epoch:2}: {len(x) / took:8.0f} images/s, test accuracy {accuracy:.2%}", flush=True)
    print(f"{epochs} epochs in {seconds:.1f} s of training, {epochs * len(x) / seconds:.0f} images/s")


if __name__ == "__main__":
    main()
