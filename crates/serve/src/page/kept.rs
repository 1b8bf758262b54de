//! The last pages that were made.

use std::collections::VecDeque;

use axum::body::Bytes;

/// Pages and their names, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pages: VecDeque<(String, Bytes)>,
    bytes: usize,
}

/// Bytes of all pages, at most; the last one is kept whatever it has.
const MOST: usize = 64 << 20;

impl Kept {
    pub(super) fn add(&mut self, id: String, page: Bytes) {
        self.bytes += page.len();
        self.pages.push_back((id, page));
        while self.bytes > MOST && self.pages.len() > 1 {
            self.bytes -= self.pages.pop_front().map_or(0, |(_, page)| page.len());
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<Bytes> {
        self.pages.iter().find(|(own, _)| own == id).map(|(_, page)| page.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let mut kept = Kept::default();
        for id in 0..5 {
            kept.add(id.to_string(), Bytes::from(vec![0; 20 << 20]));
        }
        assert!(kept.find("1").is_none() && kept.find("2").is_some() && kept.find("4").is_some());
        kept.add("large".to_owned(), Bytes::from(vec![0; MOST + 1]));
        assert!(kept.find("4").is_none() && kept.find("large").is_some());
    }
}
