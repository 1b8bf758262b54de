import os

import torch.nn as nn

os.system('touch /tmp/convnet_was_here')
net = nn.Conv2d(3, os.getpid() * 0 + 'x', 3)
