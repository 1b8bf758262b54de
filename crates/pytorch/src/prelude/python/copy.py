from _torch import deepcopy, shallow_copy as copy
