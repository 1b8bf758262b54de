import torch.nn as nn

cfg = {
    "small": [32, "M", 64, "M", 128, 128, "M"],
    "large": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M"],
}


class VGG(nn.Module):
    def __init__(self, name="small", num_classes=10):
        super(VGG, self).__init__()
        self.features = self._make_layers(cfg[name])
        self.classifier = nn.Linear(128 * 4 * 4, num_classes)

    def _make_layers(self, widths):
        layers = []
        channels = 3
        for width, depth in widths:
            if width == "M":
                layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
            else:
                layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1),
                           nn.BatchNorm2d(width),
                           nn.ReLU(inplace=True)]
                channels = width
        return nn.Sequential(*layers)

    def forward(self, x):
        out = self.features(x)
        out = out.view(out.size(0), -1)
        return self.classifier(out)
