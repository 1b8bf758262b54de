//! Stands in for parts that are on their way: whoever lands one takes its lines out here.

use crate::interp::{Interp, Result};
use crate::torch::Tensor;
use crate::value::Value;
use std::rc::Rc;

// tensors
impl Interp {
    pub(crate) fn tensor_attr(&mut self, _: &Rc<Tensor>, _: &str) -> Result<Option<Value>> {
        Ok(None)
    }
    pub(crate) fn tensor_set_attr(&mut self, _: &Rc<Tensor>, _: &str, _: Value) -> Result<()> {
        Ok(())
    }
    pub(crate) fn tensor_repr(&mut self, _: &Rc<Tensor>) -> Result<String> {
        Ok("tensor".into())
    }
    pub(crate) fn tensor_index(&mut self, _: &Value) -> Result<Option<i64>> {
        Ok(None)
    }
}
