//! Which tokens are in the bytes sent so far, however the bytes were cut and compressed.

use super::reply::Meter;

/// The place of each piece among the bytes of a reply's body as they go over the wire.
#[derive(Debug, Default)]
pub(super) struct Progress {
    marks: Vec<Mark>,
    sent: usize,
    /// Marks whose first byte was sent.
    begun: usize,
    /// Marks whose last byte was sent.
    ended: usize,
}

#[derive(Debug)]
struct Mark {
    start: usize,
    end: usize,
    meter: Meter,
}

impl Progress {
    /// Pieces of these lengths, in order, with what each has in it.
    pub(super) fn of(pieces: impl IntoIterator<Item = (usize, Meter)>) -> Self {
        let mut start = 0;
        let marks = pieces
            .into_iter()
            .map(|(length, meter)| {
                let mark = Mark { start, end: start + length, meter };
                start += length;
                mark
            })
            .collect();
        Self { marks, ..Self::default() }
    }

    /// The first piece is begun before a byte of it is sent: a plain reply has to be made before its head is sent.
    pub(super) fn begin_first(&mut self) -> Meter {
        let Some(first) = self.marks.first().filter(|_| self.begun == 0) else { return Meter::default() };
        self.begun = 1;
        Meter { generated: first.meter.generated, ..Meter::default() }
    }

    /// `count` more bytes are sent; what they add.
    pub(super) fn send(&mut self, count: usize) -> Meter {
        self.sent += count;
        let mut added = Meter::default();
        while let Some(mark) = self.marks.get(self.begun).filter(|mark| mark.start < self.sent) {
            added.generated += mark.meter.generated;
            self.begun += 1;
        }
        while let Some(mark) = self.marks.get(self.ended).filter(|mark| mark.end <= self.sent) {
            added.delivered += mark.meter.delivered;
            added.usage = mark.meter.usage.or(added.usage);
            self.ended += 1;
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress::of([(4, Meter::hidden(5)), (10, Meter::shown(1)), (10, Meter::shown(2)), (3, Meter::usage(8))])
    }

    #[test]
    fn any_cut_adds_up_to_the_same() {
        for size in 1..=27 {
            let mut progress = progress();
            let (mut generated, mut delivered, mut usage) = (0, 0, None);
            let mut left = 27;
            while left > 0 {
                let count = size.min(left);
                left -= count;
                let added = progress.send(count);
                generated += added.generated;
                delivered += added.delivered;
                usage = added.usage.or(usage);
            }
            assert_eq!((generated, delivered, usage), (8, 3, Some(8)), "in steps of {size}");
        }
    }

    #[test]
    fn a_token_is_made_with_the_first_byte_and_delivered_with_the_last() {
        let mut progress = progress();
        assert_eq!(progress.send(4), Meter::hidden(5));
        assert_eq!(progress.send(1), Meter::hidden(1));
        assert_eq!(progress.send(8), Meter::default());
        assert_eq!(progress.send(1), Meter { delivered: 1, ..Meter::default() });
    }

    #[test]
    fn a_plain_reply_is_made_before_it_is_sent() {
        let mut progress = Progress::of([(100, Meter { usage: Some(9), ..Meter::shown(9) })]);
        assert_eq!(progress.begin_first(), Meter::hidden(9));
        assert_eq!(progress.send(99), Meter::default());
        assert_eq!(progress.send(1), Meter { generated: 0, delivered: 9, usage: Some(9) });
    }
}
