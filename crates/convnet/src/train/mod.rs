//! Training: optimizers, schedules, recipes, runs.
