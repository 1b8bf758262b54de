//! The rules in f64, tensor by tensor, for tests: as PyTorch's and timm's code reads.

use std::collections::BTreeMap;

use super::{Adamw, Lamb, Lars, Muon, Optimizer};

/// A parameter and what a rule keeps of it, in PyTorch's layout.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) values: Vec<f64>,
    /// Rows of the matrix that it is.
    pub(crate) outputs: usize,
    pub(crate) buffers: BTreeMap<&'static str, Vec<f64>>,
    pub(crate) mu_product: f64,
    count: i32,
}

/// A setting as it was written.
fn exact(x: f32) -> f64 {
    x.to_string().parse().unwrap()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// mean += (1 − decay)·(values − mean)
fn mean(mean: &mut [f64], values: impl Iterator<Item = f64>, decay: f64) {
    mean.iter_mut().zip(values).for_each(|(mean, x)| *mean += (1.0 - decay) * (x - *mean));
}

impl Plain {
    pub(crate) fn new(values: &[f32], outputs: usize) -> Self {
        let values = values.iter().map(|&x| f64::from(x)).collect();
        Self { values, outputs, buffers: BTreeMap::new(), mu_product: 1.0, count: 0 }
    }

    fn buffer(&mut self, name: &'static str, start: f64) -> &mut Vec<f64> {
        let len = self.values.len();
        self.buffers.entry(name).or_insert_with(|| vec![start; len])
    }

    /// Subtracts `rate`·step.
    fn go(&mut self, step: &[f64], rate: f64) {
        self.values.iter_mut().zip(step).for_each(|(p, step)| *p -= rate * step);
    }

    fn decay(&mut self, part: f64) {
        self.values.iter_mut().for_each(|p| *p *= 1.0 - part);
    }

    /// Takes a gradient, at a rate; `scale` is LAMB's of all gradients together.
    pub(crate) fn update(&mut self, rule: &Optimizer, gradient: &[f32], lr: f64, scale: f64) {
        self.count += 1;
        let g: Vec<f64> = gradient.iter().map(|&g| f64::from(g)).collect();
        let with = |p: &[f64], decay: f32| -> Vec<f64> {
            g.iter().zip(p).map(|(g, p)| g + exact(decay) * p).collect()
        };
        match *rule {
            Optimizer::Sgd(rule) => {
                let g = with(&self.values, rule.weight_decay);
                self.roll(g, (rule.momentum, rule.dampening, rule.nesterov), lr);
            }
            Optimizer::Lars(rule) => self.lars(&g, rule, lr),
            Optimizer::Adam(rule) => {
                let g = with(&self.values, rule.weight_decay);
                self.adapt(&g, (rule.beta1, rule.beta2, rule.eps, rule.amsgrad), lr);
            }
            Optimizer::Adamw(rule) => self.adamw(&g, rule, lr),
            Optimizer::Nadam(rule) => {
                let coupled = if rule.decoupled_weight_decay { 0.0 } else { rule.weight_decay };
                let g = with(&self.values, coupled);
                if rule.decoupled_weight_decay {
                    self.decay(lr * exact(rule.weight_decay));
                }
                let step = f64::from(self.count);
                let (beta1, beta2) = (exact(rule.beta1), exact(rule.beta2));
                let mu = |step: f64| beta1 * (1.0 - 0.5 * 0.96f64.powf(step * exact(rule.momentum_decay)));
                self.mu_product *= mu(step);
                let product = self.mu_product;
                mean(self.buffer("exp_avg", 0.0), g.iter().copied(), beta1);
                mean(self.buffer("exp_avg_sq", 0.0), g.iter().map(|g| g * g), beta2);
                let unbias = 1.0 - beta2.powf(step);
                let (m, v) = (&self.buffers["exp_avg"], &self.buffers["exp_avg_sq"]);
                let change = |((g, m), v): ((&f64, &f64), &f64)| {
                    let ahead = (1.0 - mu(step)) / (1.0 - product) * g
                        + mu(step + 1.0) / (1.0 - product * mu(step + 1.0)) * m;
                    ahead / ((v / unbias).sqrt() + exact(rule.eps))
                };
                let step: Vec<f64> = g.iter().zip(m).zip(v).map(change).collect();
                self.go(&step, lr);
            }
            Optimizer::Rmsprop(rule) => {
                let g = with(&self.values, rule.weight_decay);
                let alpha = exact(rule.alpha);
                mean(self.buffer("square_avg", 0.0), g.iter().map(|g| g * g), alpha);
                let mut under = self.buffers["square_avg"].clone();
                if rule.centered {
                    mean(self.buffer("grad_avg", 0.0), g.iter().copied(), alpha);
                    under.iter_mut().zip(&self.buffers["grad_avg"]).for_each(|(v, m)| *v -= m * m);
                }
                let step: Vec<f64> =
                    g.iter().zip(under).map(|(g, v)| g / (v.sqrt() + exact(rule.eps))).collect();
                let plain = (rule.momentum, 0.0, false);
                self.roll(step, plain, lr);
            }
            Optimizer::Adagrad(rule) => {
                let g = with(&self.values, rule.weight_decay);
                let sum = self.buffer("sum", exact(rule.initial_accumulator_value));
                sum.iter_mut().zip(&g).for_each(|(sum, g)| *sum += g * g);
                let rate = lr / (1.0 + f64::from(self.count - 1) * exact(rule.lr_decay));
                let step: Vec<f64> = g
                    .iter()
                    .zip(&self.buffers["sum"])
                    .map(|(g, v)| g / (v.sqrt() + exact(rule.eps)))
                    .collect();
                self.go(&step, rate);
            }
            Optimizer::Lion(rule) => {
                self.decay(lr * exact(rule.weight_decay));
                let kept = self.buffer("exp_avg", 0.0);
                let mut step = kept.clone();
                mean(kept, g.iter().copied(), exact(rule.beta2));
                mean(&mut step, g.iter().copied(), exact(rule.beta1));
                step.iter_mut().filter(|x| **x != 0.0).for_each(|x| *x = x.signum());
                self.go(&step, lr);
            }
            Optimizer::Lamb(rule) => self.lamb(&g, rule, lr, scale),
            Optimizer::Muon(rule) => self.muon(&g, rule, lr),
        }
    }

    /// Momentum over a step; PyTorch's RMSprop has the same buffer as its SGD.
    fn roll(&mut self, g: Vec<f64>, (momentum, dampening, nesterov): (f32, f32, bool), lr: f64) {
        if momentum == 0.0 {
            return self.go(&g, lr);
        }
        let taken = if self.count == 1 { 1.0 } else { 1.0 - exact(dampening) };
        let velocity = self.buffer("momentum_buffer", 0.0);
        velocity.iter_mut().zip(&g).for_each(|(v, g)| *v = exact(momentum) * *v + taken * g);
        let ahead = |(g, v): (&f64, &f64)| if nesterov { g + exact(momentum) * v } else { *v };
        let step: Vec<f64> = g.iter().zip(&*velocity).map(ahead).collect();
        self.go(&step, lr);
    }

    fn lars(&mut self, g: &[f64], rule: Lars, lr: f64) {
        let decay = exact(rule.weight_decay);
        let mut ratio = 1.0;
        if decay != 0.0 || rule.always_adapt {
            let (of_p, of_g) = (norm(&self.values), norm(g));
            if of_p > 0.0 && of_g > 0.0 {
                ratio = exact(rule.trust_coeff) * of_p / (of_g + of_p * decay + exact(rule.eps));
            }
            if rule.trust_clip {
                ratio = (ratio / lr).min(1.0);
            }
        }
        let g = g.iter().zip(&self.values).map(|(g, p)| ratio * (g + decay * p)).collect();
        self.roll(g, (rule.momentum, rule.dampening, rule.nesterov), lr);
    }

    /// The means of Adam, without their biases.
    fn means(&mut self, g: &[f64], (beta1, beta2): (f32, f32)) -> (Vec<f64>, Vec<f64>) {
        mean(self.buffer("exp_avg", 0.0), g.iter().copied(), exact(beta1));
        mean(self.buffer("exp_avg_sq", 0.0), g.iter().map(|g| g * g), exact(beta2));
        let unbias = |values: &[f64], beta: f32| {
            let bias = 1.0 - exact(beta).powi(self.count);
            values.iter().map(|x| x / bias).collect()
        };
        (unbias(&self.buffers["exp_avg"], beta1), unbias(&self.buffers["exp_avg_sq"], beta2))
    }

    fn adapt(&mut self, g: &[f64], (beta1, beta2, eps, amsgrad): (f32, f32, f32, bool), lr: f64) {
        let (m, mut v) = self.means(g, (beta1, beta2));
        if amsgrad {
            let now = self.buffers["exp_avg_sq"].clone();
            let largest = self.buffer("max_exp_avg_sq", 0.0);
            largest.iter_mut().zip(now).for_each(|(largest, now)| *largest = largest.max(now));
            let largest = largest.clone();
            let bias = 1.0 - exact(beta2).powi(self.count);
            v = largest.iter().map(|x| x / bias).collect();
        }
        let step: Vec<f64> = m.iter().zip(v).map(|(m, v)| m / (v.sqrt() + exact(eps))).collect();
        self.go(&step, lr);
    }

    fn adamw(&mut self, g: &[f64], rule: Adamw, lr: f64) {
        self.decay(lr * exact(rule.weight_decay));
        self.adapt(g, (rule.beta1, rule.beta2, rule.eps, rule.amsgrad), lr);
    }

    fn lamb(&mut self, g: &[f64], rule: Lamb, lr: f64, scale: f64) {
        let g: Vec<f64> = g.iter().map(|g| g * scale).collect();
        let (m, v) = self.means(&g, (rule.beta1, rule.beta2));
        let decay = exact(rule.weight_decay);
        let change = |((m, v), p): ((&f64, &f64), &f64)| m / (v.sqrt() + exact(rule.eps)) + decay * p;
        let step: Vec<f64> = m.iter().zip(&v).zip(&self.values).map(change).collect();
        let (of_p, of_step) = (norm(&self.values), norm(&step));
        let mut ratio = 1.0;
        if (decay != 0.0 || rule.always_adapt) && of_p > 0.0 && of_step > 0.0 {
            ratio = of_p / of_step;
        }
        if rule.trust_clip {
            ratio = ratio.min(1.0);
        }
        self.go(&step, lr * ratio);
    }

    fn muon(&mut self, g: &[f64], rule: Muon, lr: f64) {
        let momentum = exact(rule.momentum);
        let velocity = self.buffer("momentum_buffer", 0.0);
        mean(velocity, g.iter().copied(), momentum);
        let ahead = |(g, v): (&f64, &f64)| if rule.nesterov { g + momentum * (v - g) } else { *v };
        let step: Vec<f64> = g.iter().zip(&*velocity).map(ahead).collect();
        let size = (self.outputs, step.len() / self.outputs);
        let step = newton_schulz(&step, size, rule.ns_steps, exact(rule.eps));
        self.decay(lr * exact(rule.weight_decay));
        self.go(&step, lr * f64::from(rule.adjust.factor(size.0, size.1)));
    }
}

/// A matrix of rows × columns after some iterations.
fn newton_schulz(matrix: &[f64], (rows, columns): (usize, usize), steps: u32, eps: f64) -> Vec<f64> {
    let product = |a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)| -> Vec<f64> {
        let sum = |at: usize| (0..k).map(|l| a[at / n * k + l] * b[l * n + at % n]).sum();
        (0..m * n).map(sum).collect()
    };
    let mut x: Vec<f64> = matrix.iter().map(|x| x / norm(matrix).max(eps)).collect();
    for _ in 0..steps {
        let turned: Vec<f64> = (0..x.len()).map(|at| x[at % rows * columns + at / rows]).collect();
        let gram = product(&x, &turned, (rows, columns, rows));
        let square = product(&gram, &gram, (rows, rows, rows));
        let inner: Vec<f64> = gram.iter().zip(square).map(|(g, s)| -4.7750 * g + 2.0315 * s).collect();
        let further = product(&inner, &x, (rows, rows, columns));
        x.iter_mut().zip(further).for_each(|(x, further)| *x = 3.4445 * *x + further);
    }
    x
}
