//! Where the gradients of several ranks meet: on their cards, or in the memory of their hosts.

use std::time::Duration;

use convnet_kernels::{Arena, Pool};

use crate::gpu::card::{Card, Communicator};
use crate::plan::CompileError;
use crate::ranks::{Joint, Lease};

/// How long cards may take to find one another, and to add up what tries them.
const JOINING: Duration = Duration::from_secs(120);
/// How long they may take to add up gradients, once all ranks have come to that.
const ADDING: Duration = Duration::from_secs(600);
/// After how many the numbers repeat that are added up before gradients are.
const PERIOD: usize = 61;

/// Where a rank's gradients meet those of the others.
pub(super) enum Meeting {
    /// On the cards.
    Cards(Communicator),
    /// In memory of the host.
    Host { values: Arena, lease: Option<Lease>, pool: Pool },
}

/// Joins the cards of all ranks for sums of so many numbers, by a library that comes second, or tells why that cannot be: the same in
/// every rank.
pub(super) fn join_cards(
    card: &Card,
    floats: usize,
    joint: &mut Joint,
) -> Result<(Communicator, String), String> {
    let (rank, size) = (joint.rank(), joint.size());
    let [library, own] = joint.agree(card.adds_up_by())?;
    let libraries = joint.heard(&library)?;
    if let Some(other) = libraries.iter().position(|theirs| *theirs != libraries[0]) {
        return Err(format!("the first rank has {}, rank {other} {}", libraries[0], libraries[other]));
    }
    let cards = joint.heard(&own)?;
    let twice = |of: &usize| cards[..*of].contains(&cards[*of]);
    if let Some(other) = (0..size).find(twice) {
        let first = cards.iter().position(|card| *card == cards[other]).unwrap_or_default();
        return Err(format!("ranks {first} and {other} are on the same card"));
    }
    let id = joint.agree(if rank == 0 { card.new_id() } else { Ok([0; 128]) })?;
    let id = joint.of_first(id)?;
    let joined = found(card, id, joint);
    let mut communicator = joint.agree(joined)?;
    // As many as there will be: the library may make its connections in the first sum of a size, and waits there for the others.
    let block = in_words(card.beside(4 * floats));
    let block = block.and_then(|block| fill(&block, floats, rank + 1).map(|()| block));
    let block = joint.agree(block)?;
    let tried = try_out(&mut communicator, (&block, floats), joint);
    match joint.agree(tried) {
        Ok(()) => Ok((communicator, library)),
        Err(reason) => {
            // A sum may be under way that never ends, and the card's memory is not freed before it does.
            communicator.abort();
            Err(reason)
        }
    }
}

/// A failure in words, which ranks tell each other.
fn in_words<T>(result: Result<T, CompileError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// The card among those of the others, once all have found one another.
fn found(card: &Card, id: [u8; 128], joint: &Joint) -> Result<Communicator, String> {
    let joining = card.join((joint.rank(), joint.size()), id)?;
    if !joint.wait_for(JOINING, || joining.is_finished()) {
        return Err(format!("the cards did not find one another within {} s", JOINING.as_secs()));
    }
    joining.join().unwrap_or_else(|_| Err("the thread that joins the cards has panicked".to_owned()))
}

/// Numbers whose sum over all ranks is known.
fn numbers(floats: usize, factor: usize) -> impl Iterator<Item = f32> {
    (0..floats).map(move |i| (factor * (1 + i % PERIOD)) as f32)
}

fn fill(block: &Card, floats: usize, factor: usize) -> Result<(), String> {
    in_words(block.write(0, &numbers(floats, factor).collect::<Vec<_>>()))
}

/// Adds up such numbers: what does not work shows before gradients are trusted to it.
fn try_out(
    communicator: &mut Communicator,
    (block, floats): (&Card, usize),
    joint: &Joint,
) -> Result<(), String> {
    let size = joint.size();
    in_words(communicator.sum(block, 0, floats))?;
    await_sum(communicator, joint, JOINING)?;
    let sums = in_words(block.read(0, floats))?;
    let near = |(found, expected): (&f32, f32)| (found - expected).abs() <= 1e-4 * expected;
    match sums.iter().zip(numbers(floats, size * (size + 1) / 2)).all(near) {
        true => Ok(()),
        false => Err("a sum that was tried is wrong".to_owned()),
    }
}

/// Waits for the sum that was begun.
fn await_sum(communicator: &mut Communicator, joint: &Joint, limit: Duration) -> Result<(), String> {
    let mut failed = None;
    let done = joint.wait_for(limit, || {
        let done = communicator.is_done();
        done.unwrap_or_else(|error| {
            failed = Some(error.to_string());
            true
        })
    });
    match failed {
        Some(reason) => Err(reason),
        None if done => Ok(()),
        None => Err(format!(
            "a sum of all cards was not done after {} s, or the run was to stop",
            limit.as_secs()
        )),
    }
}

/// Makes numbers on the card the sum over all ranks, which come here together.
pub(super) fn add_up(
    communicator: &mut Communicator,
    (card, at, floats): (&Card, usize, usize),
    joint: &Joint,
) -> Result<(), String> {
    in_words(communicator.sum(card, at, floats))?;
    await_sum(communicator, joint, ADDING)
}
