//! Names that other frameworks have for what PyTorch calls otherwise.

/// What PyTorch has for a layer or a function of another framework.
pub(super) fn layer(name: &str) -> Option<&'static str> {
    Some(match name {
        "Dense" | "FullyConnected" | "InnerProduct" => "PyTorch's is `nn.Linear(in_features, out_features)`",
        "Convolution2D" | "Convolution" | "SpatialConvolution" => {
            "PyTorch's is `nn.Conv2d(in_channels, out_channels, kernel_size)`"
        }
        "MaxPooling2D" | "MaxPool" | "MaxPooling2d" | "SpatialMaxPooling" => {
            "PyTorch's is `nn.MaxPool2d(kernel_size)`"
        }
        "AveragePooling2D" | "AvgPool" | "AveragePooling2d" => "PyTorch's is `nn.AvgPool2d(kernel_size)`",
        "GlobalAveragePooling2D" | "GlobalAvgPool2D" | "GlobalAvgPool2d" => {
            "PyTorch's is `nn.AdaptiveAvgPool2d(1)`"
        }
        "GlobalMaxPooling2D" | "GlobalMaxPool2D" => "PyTorch's is `nn.AdaptiveMaxPool2d(1)`",
        "BatchNormalization" | "BatchNorm" => "PyTorch's is `nn.BatchNorm2d(num_features)`",
        "LayerNormalization" => "PyTorch's is `nn.LayerNorm(normalized_shape)`",
        "DepthwiseConv2D" | "DepthwiseConv2d" => {
            "PyTorch's is `nn.Conv2d(channels, channels, kernel_size, groups=channels)`"
        }
        "SeparableConv2D" | "SeparableConv2d" => {
            "PyTorch's is two layers: `nn.Conv2d(a, a, kernel_size, groups=a)`, then `nn.Conv2d(a, b, 1)`"
        }
        "Conv2DTranspose" | "Deconvolution2D" => {
            "PyTorch's is `nn.ConvTranspose2d(in_channels, out_channels, kernel_size)`"
        }
        "UpSampling2D" => "PyTorch's is `nn.Upsample(scale_factor=2)`",
        "ZeroPadding2D" => "PyTorch's is `nn.ZeroPad2d(padding)`",
        "Activation" => "in PyTorch each activation is a layer of its own: `nn.ReLU()`, `nn.Sigmoid()`",
        "Input" | "InputLayer" => "PyTorch's networks take what `forward` is given: leave this layer out",
        "Concatenate" | "concatenate" | "Concat" => "PyTorch's is the function `torch.cat([a, b], dim=1)`",
        "Add" => "add tensors with `+`",
        "Reshape" => "PyTorch's is the method `x.view(x.size(0), …)`, or `nn.Unflatten` in a Sequential",
        "Lambda" => "write a class with `forward`, or call the function in the network's `forward`",
        "Model" => "PyTorch's is `nn.Module`, a class to derive from",
        _ => return None,
    })
}

/// What PyTorch has for a layer's argument of another framework.
pub(super) fn argument(name: &str) -> Option<&'static str> {
    Some(match name {
        "filters" | "num_filters" | "num_output" | "output_channels" => {
            "PyTorch's name is `out_channels`, and `in_channels`, the channels that arrive, stands before it"
        }
        "units" | "hidden" | "num_hidden" | "out_units" | "outputs" => {
            "PyTorch's name is `out_features`, and `in_features`, what arrives, stands before it"
        }
        "input_dim" | "in_units" => "PyTorch's name is `in_features`",
        "strides" => "PyTorch's name is `stride`",
        "pool_size" => "PyTorch's name is `kernel_size`",
        "dilation_rate" => "PyTorch's name is `dilation`",
        "pad" => "PyTorch's name is `padding`",
        "use_bias" => "PyTorch's name is `bias`",
        "rate" | "drop_rate" | "prob" | "keep_prob" | "p_drop" => {
            "PyTorch's name is `p`, the part that is dropped"
        }
        "activation" => "in PyTorch an activation is a layer of its own behind this one: `nn.ReLU()`",
        "input_shape" | "batch_input_shape" => {
            "a layer of PyTorch's is told its channels alone: leave it out"
        }
        "kernel_initializer" | "bias_initializer" | "kernel_regularizer" => {
            "PyTorch draws the weights itself; others come from `nn.init` behind it: leave it out"
        }
        "data_format" => "PyTorch's images are always [N, C, H, W]: leave it out",
        "epsilon" => "PyTorch's name is `eps`",
        "axis" => "PyTorch's name is `dim`",
        _ => return None,
    })
}
