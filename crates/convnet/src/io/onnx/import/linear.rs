//! Matrix products: Linear.

use super::call::{Call, Known, Order};
use super::constant::Constant;
use super::importer::Importer;
use crate::ops::{Conv2d, Linear};

impl Importer<'_> {
    /// y = α·x·B + β·C.
    pub(super) fn gemm(&mut self, call: &Call<'_>) -> Result<Known, String> {
        if call.int("transA", 0)? != 0 {
            return Err("its input is transposed".into());
        }
        let matrix = call.needed(1, "matrix")?;
        let matrix = if call.int("transB", 0)? == 0 { self.rows(matrix)? } else { matrix.clone() };
        let scaled = |constant: Constant, factor: f32| -> Result<Constant, String> {
            if factor == 1.0 {
                return Ok(constant);
            }
            let values = constant.floats(self.model)?.into_iter().map(|x| x * factor).collect();
            Ok(Constant::numbers(constant.shape.clone(), values))
        };
        let matrix = scaled(matrix, call.float("alpha", 1.0)?)?;
        let bias = match call.weight(2, "bias")?.filter(|bias| !bias.is_zero()) {
            None => None,
            Some(bias) => Some(scaled(
                self.vector(bias, matrix.shape.first().copied().unwrap_or(0))?,
                call.float("beta", 1.0)?,
            )?),
        };
        self.linear(call, matrix, bias)
    }

    pub(super) fn matmul(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let matrix = call.constant(1).filter(|matrix| matrix.shape.len() == 2);
        let value = self.value(call, 0).ok();
        let along =
            value.is_some_and(|value| value.order != Order::ChannelsFirst || self.sizes(value).len() == 1);
        match matrix.filter(|_| along) {
            Some(matrix) => {
                let matrix = self.rows(matrix)?;
                self.linear(call, matrix, None)
            }
            None => {
                let product = self.matrix_product(call)?;
                Ok(self.known(product))
            }
        }
    }

    /// A matrix (I, O) as a Linear's weight (O, I).
    fn rows(&self, matrix: &Constant) -> Result<Constant, String> {
        match matrix.shape.len() {
            2 => Ok(matrix.permuted(&[1, 0])),
            _ => Err(format!("its matrix has shape {:?}, expected two dimensions", matrix.shape)),
        }
    }

    /// A constant that is added to each row, one number for each of `len` columns.
    fn vector(&self, constant: &Constant, len: usize) -> Result<Constant, String> {
        let columns = constant.shape.last().copied().unwrap_or(1);
        if constant.len() != columns || (columns != len && columns != 1) {
            return Err(format!("its bias has shape {:?}, expected [{len}]", constant.shape));
        }
        if columns == len {
            return Ok(constant.clone().reshaped(&[len]));
        }
        Ok(Constant::fill(vec![len], constant.floats(self.model)?[0]))
    }

    fn linear(&mut self, call: &Call<'_>, weight: Constant, bias: Option<Constant>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let &[out_features, features] = &weight.shape[..] else {
            return Err(format!("its matrix has shape {:?}, expected two dimensions", weight.shape));
        };
        let weight = match value.order {
            Order::ChannelsFirst => weight,
            Order::Flattened([channels, height, width]) if channels * height * width == features => weight
                .reshaped(&[out_features, height, width, channels])
                .permuted(&[0, 3, 1, 2])
                .reshaped(&[out_features, features]),
            Order::Flattened(_) => {
                return Err(format!("a matrix of {features} rows for {}", self.shape(value)));
            }
            // Along the channels of a map, pixel by pixel.
            Order::ChannelsLast => {
                let weight = weight.reshaped(&[out_features, features, 1, 1]);
                let conv = Conv2d { bias: bias.is_some(), ..Conv2d::new(out_features, 1) };
                return self.push_on(call, conv, value, [Some(weight), bias].into_iter().flatten().collect());
            }
        };
        let linear = Linear { out_features, bias: bias.is_some() };
        self.push(call, linear, &[value.layer], [Some(weight), bias].into_iter().flatten().collect())
    }
}
