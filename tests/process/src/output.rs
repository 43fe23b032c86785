//! What a process prints, kept within bounds.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Lines kept; beyond it the oldest are forgotten.
const LINES_MAX: usize = 5_000;
/// Bytes kept of a line.
const LINE_BYTES_MAX: u64 = 8 << 10;

/// The lines a process printed.
#[derive(Debug, Clone, Default)]
pub struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Streams that have not ended.
    open: Arc<AtomicUsize>,
}

impl Output {
    /// Collects what comes out of `stream`, until it ends.
    pub fn collect(&self, stream: impl Read + Send + 'static) {
        let (lines, open) = (Arc::clone(&self.lines), Arc::clone(&self.open));
        open.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_back(text);
                if lines.len() > LINES_MAX {
                    lines.pop_front();
                }
            }
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Whether everything that will ever come has been collected.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }

    /// All lines kept.
    #[must_use]
    pub fn text(&self) -> String {
        self.last(LINES_MAX)
    }

    /// The last lines.
    #[must_use]
    pub fn last(&self, count: usize) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = lines.len().saturating_sub(count);
        lines.iter().skip(skipped).map(|line| format!("{line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_oldest_lines_are_forgotten() {
        let output = Output::default();
        let text: String = (0..LINES_MAX + 10).map(|number| format!("{number}\n")).collect();
        output.collect(std::io::Cursor::new(text.into_bytes()));
        let started = Instant::now();
        while !output.text().ends_with(&format!("{}\n", LINES_MAX + 9)) {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(5));
        }
        assert!(output.text().starts_with("10\n"));
        assert_eq!(output.last(1), format!("{}\n", LINES_MAX + 9));
    }
}
