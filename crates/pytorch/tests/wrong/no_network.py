import torch

learning_rate = 0.1


def accuracy(output, target):
    return (output.argmax(1) == target).float().mean()
