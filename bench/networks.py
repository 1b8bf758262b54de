"""The networks that are compared: convnet's name, the same network in PyTorch, and its input."""
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Network:
    convnet: str                # the zoo's name
    make: Callable              # (classes) -> torch module
    shape: tuple                # C, H, W
    classes: int
    train: tuple = ()           # batches of the training cases
    train_side: int = 0         # height and width while training, where they differ
    train_classes: int = 0


def lenet(classes):
    from torch import nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes))


def nin(classes):
    from torch import nn

    def block(inputs, outputs, kernel, stride, padding):
        convs = [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.Conv2d(outputs, outputs, 1),
                 nn.Conv2d(outputs, outputs, 1)]
        return [layer for conv in convs for layer in (conv, nn.ReLU())]

    return nn.Sequential(
        *block(1, 96, 11, 4, 0), nn.MaxPool2d(3, 2), *block(96, 256, 5, 1, 2), nn.MaxPool2d(3, 2),
        *block(256, 384, 3, 1, 1), nn.MaxPool2d(3, 2), nn.Dropout(0.5), *block(384, classes, 3, 1, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten())


def torchvision(name):
    def make(classes):
        import torchvision.models
        if name == "googlenet":
            return torchvision.models.googlenet(
                weights=None, aux_logits=False, init_weights=False, num_classes=classes)
        if name == "inception_v3":
            return torchvision.models.inception_v3(
                weights=None, aux_logits=False, transform_input=False, init_weights=False, num_classes=classes)
        return getattr(torchvision.models, name)(weights=None, num_classes=classes)
    return make


def timm(name):
    def make(classes):
        import timm
        return timm.create_model(name, pretrained=False, num_classes=classes)
    return make


RGB = (3, 224, 224)
NETWORKS = {
    "lenet": Network("lenet", lenet, (1, 32, 32), 10, (64, 256)),
    "alexnet": Network("alexnet@torchvision", torchvision("alexnet"), RGB, 1000, (16,)),
    "vgg11": Network("vgg11@torchvision", torchvision("vgg11"), RGB, 1000, (8,), 96, 10),
    "vgg16": Network("vgg16@torchvision", torchvision("vgg16"), RGB, 1000),
    "nin": Network("nin", nin, (1, 224, 224), 10, (16,)),
    "googlenet": Network("googlenet@torchvision", torchvision("googlenet"), RGB, 1000, (16,), 96, 10),
    "resnet18": Network("resnet18", torchvision("resnet18"), RGB, 1000, (16,), 96, 10),
    "resnet50": Network("resnet50", torchvision("resnet50"), RGB, 1000),
    "densenet121": Network("densenet121", torchvision("densenet121"), RGB, 1000, (8,), 96, 10),
}
# Networks that convnet runs from ONNX, as its users have them.
NETWORKS |= {
    name: Network(None, torchvision(name), RGB, 1000, batches, 96, 10)
    for name, batches in (("mobilenet_v2", (16,)), ("mobilenet_v3_large", ()), ("mnasnet1_0", ()), ("efficientnet_b0", (16,)),
                          ("shufflenet_v2_x1_0", ()), ("regnet_x_400mf", ()), ("resnext50_32x4d", (8,)), ("convnext_tiny", ()))
}
NETWORKS["inception_v3"] = Network(None, torchvision("inception_v3"), (3, 299, 299), 1000, (8,), 139, 10)
NETWORKS["xception"] = Network(None, timm("legacy_xception"), (3, 299, 299), 1000)


def train_size(network):
    """The shape and the number of classes of a network's training case."""
    channels, height, _ = network.shape
    side = network.train_side or height
    return (channels, side, side), network.train_classes or network.classes
