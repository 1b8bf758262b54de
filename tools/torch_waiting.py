"""How long PyTorch's training waits for its DataLoader with two workers: torch_waiting.py FOLDER

RandomResizedCrop and flips of torchvision, batches of 64, two threads; LeNet at 32 pixels in two epochs, ResNet-18 at 224 in
twenty batches. Needs torch and torchvision.
"""

import sys
import time

import torch
from torch import nn
from torchvision import datasets, models
from torchvision.transforms import v2 as transforms

LENET = nn.Sequential(nn.Conv2d(3, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(),
                      nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 8))


def shares(net, folder, side, epochs, most):
    steps = [transforms.RandomResizedCrop(side), transforms.RandomHorizontalFlip(), transforms.ToImage(),
             transforms.ToDtype(torch.float32, scale=True), transforms.Normalize([0.5] * 3, [0.25] * 3)]
    images = datasets.ImageFolder(f"{folder}/train", transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(images, 64, shuffle=True, num_workers=2, persistent_workers=True)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    found = []
    for _ in range(epochs):
        waited, start = 0.0, time.perf_counter()
        lap = start
        for number, (batch, labels) in enumerate(loader):
            waited += time.perf_counter() - lap
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(batch), labels).backward()
            optimizer.step()
            lap = time.perf_counter()
            if number + 1 == most:
                break
        found.append(f"{waited / (time.perf_counter() - start):.1%}")
    return ", ".join(found)


torch.set_num_threads(2)
waits = "of each epoch's training waits for images"
print(f"PyTorch, LeNet at 3x32x32: {shares(LENET, sys.argv[1], 32, 2, 1000)} {waits}", flush=True)
resnet = models.resnet18(num_classes=8)
print(f"PyTorch, ResNet-18 at 3x224x224: {shares(resnet, sys.argv[1], 224, 1, 20)} {waits}", flush=True)
