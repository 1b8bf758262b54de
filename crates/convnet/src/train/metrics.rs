//! `metrics.jsonl`: a line an epoch.

use serde::{Deserialize, Serialize};

/// What one epoch did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps done since the start of the run.
    pub steps: u64,
    /// The mean loss over the epoch's images, each at the weights of its step.
    pub train_loss: f64,
    /// The fraction of the epoch's images that were classified rightly, each at the weights of its step.
    pub train_top1: f64,
    /// The mean loss over the test images after the epoch.
    pub test_loss: f64,
    /// The fraction of the test images that were classified rightly.
    pub test_top1: f64,
    /// The fraction of the test images whose class was among the five likeliest.
    pub test_top5: f64,
    /// The learning rate of the epoch's last step.
    pub lr: f64,
    /// Training images a second, evaluation left out.
    pub images_per_second: f64,
    /// Seconds of training.
    pub train_seconds: f64,
    /// Seconds of training and evaluation.
    pub seconds: f64,
}

/// The records as JSON lines.
#[cfg(feature = "train")]
pub(super) fn write_lines(records: &[EpochRecord]) -> String {
    let mut text = String::new();
    for record in records {
        // A struct of numbers always has a JSON form: those that are not finite become null.
        if let Ok(line) = serde_json::to_string(record) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// The records of JSON lines, up to the first line that is none.
pub(super) fn read_lines(text: &str) -> Vec<EpochRecord> {
    text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(feature = "train")]
#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::train) fn record(epoch: usize, top1: f64) -> EpochRecord {
        EpochRecord {
            epoch,
            steps: epoch as u64 * 157,
            train_loss: 2.3 / epoch as f64,
            train_top1: top1 + 0.01,
            test_loss: 2.4 / epoch as f64,
            test_top1: top1,
            test_top5: 0.99,
            lr: 0.1,
            images_per_second: 31_234.5,
            train_seconds: 1.25,
            seconds: 1.5,
        }
    }

    #[test]
    fn lines_give_the_records_back_and_a_cut_line_ends_them() {
        let records = [record(1, 0.5), record(2, 0.75)];
        let text = write_lines(&records);
        assert_eq!(text.lines().count(), 2);
        assert_eq!(read_lines(&text), records);
        assert_eq!(read_lines(&text[..text.len() - 5]), records[..1]);
    }
}
