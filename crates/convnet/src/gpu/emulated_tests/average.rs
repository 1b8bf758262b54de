//! A moving average.

use super::{emulator, get, put};
use crate::gpu::average::Layout;

#[test]
fn an_average_moves_towards_what_is() {
    let Some(mut emulator) = emulator() else { return };
    let (parameters, running) = (192, 64);
    let layout = Layout::new(parameters, running);
    let mut memory = vec![0; layout.end()];
    let now: Vec<f32> = (0..256u16).map(f32::from).collect();
    put(&mut memory, layout.weight(), [0.25]);
    put(&mut memory, layout.now(), now.iter().copied());
    put(&mut memory, layout.average(), now.iter().map(|x| 3.0 * x + 8.0));
    let parts = layout.step();
    for left in [0.75, 0.5625] {
        emulator.run(&parts.list, &mut memory);
        let expected: Vec<f32> = now.iter().map(|x| x + left * (2.0 * x + 8.0)).collect();
        assert_eq!(get(&memory, layout.average(), parameters + running), expected);
    }
    assert_eq!(get(&memory, layout.now(), parameters + running), now);
}
