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
    /// The mean loss over the validation images after the epoch; `None` in a run without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// The fraction of the validation images that were classified rightly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_top1: Option<f64>,
    /// The fraction of the validation images whose class was among the five likeliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_top5: Option<f64>,
    /// The mean average precision over the validation images, where images have several classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_map: Option<f64>,
    /// The learning rate of the epoch's last step.
    pub lr: f64,
    /// Training images a second, evaluation left out.
    pub images_per_second: f64,
    /// Seconds of training.
    pub train_seconds: f64,
    /// Seconds of these in which training waited for images.
    #[serde(default)]
    pub wait_seconds: f64,
    /// Seconds of training and evaluation.
    pub seconds: f64,
}

#[cfg(feature = "train")]
impl EpochRecord {
    /// What epochs are compared by: the mean average precision where images have several classes, else the fraction of the
    /// validation images that is right.
    pub(super) fn score(&self) -> Option<f64> {
        self.val_map.or(self.val_top1)
    }

    /// Whether its weights are to be preferred: a larger score, or the same and a lower loss. Without validation images those
    /// of the later epoch are.
    pub(super) fn is_better(&self, than: &Self) -> bool {
        match (self.score(), than.score()) {
            (Some(score), Some(before)) => {
                score > before || (score == before && self.val_loss < than.val_loss)
            }
            _ => self.epoch > than.epoch,
        }
    }
}

/// How many epochs were done since the best one.
#[cfg(feature = "train")]
pub(super) fn since_best(records: &[EpochRecord]) -> usize {
    best(records).map_or(0, |best| records.len() - best.epoch)
}

/// The epoch whose weights are to be preferred to those of all others; of equal ones the first.
#[cfg(feature = "train")]
pub(super) fn best(records: &[EpochRecord]) -> Option<&EpochRecord> {
    records.iter().reduce(|best, record| if record.is_better(best) { record } else { best })
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

/// The records as comma-separated values; what was not measured is empty. Where images have several classes the mean average
/// precision comes last.
#[cfg(feature = "train")]
pub(super) fn to_csv(records: &[EpochRecord]) -> String {
    let several = records.iter().any(|record| record.val_map.is_some());
    let mut text = String::from(
        "epoch,steps,train_loss,train_top1,val_loss,val_top1,val_top5,lr,images_per_second,train_seconds,wait_seconds,seconds",
    );
    text.push_str(if several { ",val_map\n" } else { "\n" });
    for record in records {
        let EpochRecord {
            epoch,
            steps,
            train_loss,
            train_top1,
            val_loss,
            val_top1,
            val_top5,
            val_map,
            lr,
            images_per_second,
            train_seconds,
            wait_seconds,
            seconds,
        } = record;
        let [val_loss, val_top1, val_top5, val_map] = [val_loss, val_top1, val_top5, val_map]
            .map(|figure| figure.map_or_else(String::new, |figure| figure.to_string()));
        let last = if several { format!(",{val_map}") } else { val_map };
        text.push_str(&format!(
            "{epoch},{steps},{train_loss},{train_top1},{val_loss},{val_top1},{val_top5},{lr},{images_per_second},\
             {train_seconds},{wait_seconds},{seconds}{last}\n"
        ));
    }
    text
}

/// The records of JSON lines, or the line that is none and why.
pub(super) fn read_lines(text: &str) -> Result<Vec<EpochRecord>, String> {
    let record = |(i, line): (usize, &str)| {
        if line.contains("\"test_loss\"") {
            return Err("an older convnet chose this run's weights by its test images".to_owned());
        }
        let record: EpochRecord =
            serde_json::from_str(line).map_err(|error| format!("line {} is no record: {error}", i + 1))?;
        let numbers = [record.train_loss, record.lr, record.images_per_second];
        let times = [record.train_seconds, record.wait_seconds, record.seconds];
        let fractions = [Some(record.train_top1), record.val_top1, record.val_top5, record.val_map];
        if record.epoch != i + 1 {
            return Err(format!("line {} is of epoch {}", i + 1, record.epoch));
        }
        if !numbers.iter().chain(&times).chain(&record.val_loss).all(|x| x.is_finite())
            || !fractions.iter().flatten().all(|x| (0.0..=1.0).contains(x))
        {
            return Err(format!("line {} has a number out of its range", i + 1));
        }
        Ok(record)
    };
    text.lines().enumerate().map(record).collect()
}

/// The longest file of so many epochs: no line is longer than this.
pub(super) fn longest(epochs: usize) -> u64 {
    const LINE: u64 = 1024;
    LINE.saturating_mul(epochs as u64 + 1)
}

#[cfg(feature = "train")]
#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::train) fn record(epoch: usize, top1: f64) -> EpochRecord {
        EpochRecord {
            epoch,
            steps: epoch as u64 * 157,
            train_loss: 2.3 / epoch as f64,
            train_top1: top1 + 0.01,
            val_loss: Some(2.4 / epoch as f64),
            val_top1: Some(top1),
            val_map: None,
            val_top5: Some(0.99),
            lr: 0.1,
            images_per_second: 31_234.5,
            train_seconds: 1.25,
            wait_seconds: 0.25,
            seconds: 1.5,
        }
    }

    #[test]
    fn lines_give_the_records_back_and_damaged_ones_are_told() {
        let records = [record(1, 0.5), record(2, 0.75)];
        let text = write_lines(&records);
        assert_eq!(text.lines().count(), 2);
        assert_eq!(read_lines(&text).unwrap(), records);
        let told = |text: &str| read_lines(text).unwrap_err();
        assert!(told(&text[..text.len() - 5]).starts_with("line 2 is no record: EOF"));
        assert_eq!(told(&text.replace("\"epoch\":2", "\"epoch\":3")), "line 2 is of epoch 3");
        assert_eq!(told(&text.replace("0.99", "1.99")), "line 1 has a number out of its range");
        assert!(told(&text.replace("1.25", "null")).contains("null"));
    }

    #[test]
    fn a_line_of_values_has_a_column_for_each_figure() {
        let blind = EpochRecord { val_loss: None, val_top1: None, val_top5: None, ..record(2, 0.5) };
        let text = to_csv(&[record(1, 0.5), blind]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [12, 12, 12]);
        assert_eq!(lines[1][..6], ["1", "157", "2.3", "0.51", "2.4", "0.5"]);
        assert_eq!(lines[2][3..7], ["0.51", "", "", ""]);
    }

    proptest! {
        /// What was read and is written again is the same to the byte.
        #[test]
        fn floats_survive_their_text(losses in prop::collection::vec(0.0..9.0_f64, 2), bits: u64) {
            let any = f64::from_bits(bits);
            let lr = if any.is_finite() { any } else { 0.1 };
            let record = EpochRecord { train_loss: losses[0], val_loss: Some(losses[1]), lr, ..record(1, 0.5) };
            let text = write_lines(std::slice::from_ref(&record));
            let again = read_lines(&text).unwrap();
            prop_assert_eq!(&again, &[record]);
            prop_assert_eq!(write_lines(&again), text);
        }
    }

    #[cfg(feature = "train")]
    #[test]
    fn of_equal_accuracies_the_lower_loss_is_best_and_of_equals_the_first() {
        let with = |epoch, top1, loss| EpochRecord { val_loss: Some(loss), ..record(epoch, top1) };
        let records = [with(1, 0.5, 0.1), with(2, 0.75, 0.6), with(3, 0.75, 0.4), with(4, 0.75, 0.4)];
        assert_eq!(best(&records).map(|record| record.epoch), Some(3));
        assert_eq!(best(&[]), None);
    }
}
