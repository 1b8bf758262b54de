"""What people write for a small folder of photos with torchvision: ResNet-18 from nothing, RandomResizedCrop, flips.

    python tools/make_photos.py photos
    python tools/torch_photos.py photos [EPOCHS] [SIDE]

Two threads, the images decoded by the main thread anew each epoch, SGD with a cosine, as torchvision's reference does it.
Needs torch and torchvision.
"""

import sys
import time

import torch
from torch import nn
from torchvision import datasets, models
from torchvision.transforms import v2 as transforms

folder, epochs, side = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30, int(sys.argv[3]) if len(sys.argv) > 3 else 64
torch.manual_seed(0)
torch.set_num_threads(2)
start = time.perf_counter()
end = [transforms.ToImage(), transforms.ToDtype(torch.float32, scale=True), transforms.Normalize([0.5] * 3, [0.25] * 3)]
change = transforms.Compose([transforms.RandomResizedCrop(side), transforms.RandomHorizontalFlip(), *end])
plain = transforms.Compose([transforms.Resize(side * 8 // 7), transforms.CenterCrop(side), *end])
train, test = datasets.ImageFolder(f"{folder}/train", change), datasets.ImageFolder(f"{folder}/test", plain)
loader = torch.utils.data.DataLoader(train, 16, shuffle=True)
net = models.resnet18(num_classes=len(train.classes))
optimizer = torch.optim.SGD(net.parameters(), 0.0125, momentum=0.9, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
for epoch in range(epochs):
    net.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
net.eval()
with torch.no_grad():
    right = sum((net(images).argmax(1) == labels).sum().item() for images, labels in torch.utils.data.DataLoader(test, 64))
print(f"{epochs} epochs at {side} pixels: {right / len(test):.2%} of {len(test)} in {time.perf_counter() - start:.1f} s")
