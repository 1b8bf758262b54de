from _torch import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_max_pool1d, adaptive_max_pool2d, alpha_dropout, avg_pool2d,
    batch_norm, celu, channel_shuffle, conv1d, conv2d, conv3d, conv_transpose2d, dropout, dropout1d, dropout2d,
    dropout3d, elu, elu_, embedding, gelu, glu, group_norm, hardsigmoid, hardshrink, hardswish, hardtanh, hardtanh_,
    instance_norm, interpolate, layer_norm, leaky_relu, leaky_relu_, linear, local_response_norm, log_softmax,
    logsigmoid, lp_pool2d, max_pool2d, mish, normalize, pad, pixel_shuffle, pixel_unshuffle, prelu, relu, relu6, relu_,
    rms_norm, rrelu, scaled_dot_product_attention, selu, sigmoid, silu, softmax, softmin, softplus, softshrink,
    softsign, tanh, tanhshrink, threshold, upsample,
)
