//! Which packets were received already (RFC 3711 §3.3.2), and the rollover counter of a stream (§3.3.1, appendix A).

/// Words of the replay window of one SSRC's SRTP: it reaches back 1,024 packets, at a large key frame's pace a second. Higher:
/// memory (8 bytes for 64 packets of each stream). Lower: a packet that was retransmitted or overtaken is lost.
const RTP_WINDOW_WORDS: usize = 17;

/// Bits of a word.
const WORD: u64 = u64::BITS as u64;

/// The indices that were received: all within the newest `WORDS - 1` words of 64 indices and some within one more, which is
/// where the newest goes on (the method of RFC 6479). An index that is older than these counts as received.
#[derive(Debug, Clone)]
pub(super) struct Window<const WORDS: usize> {
    highest: Option<u64>,
    /// A bit for each index, at the index modulo all bits.
    received: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { highest: None, received: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    /// How many packets back one is still taken.
    const REACH: u64 = (WORDS as u64 - 1) * WORD;

    /// The word of an index, and its bit in there.
    fn place(index: u64) -> (usize, u64) {
        ((index / WORD % WORDS as u64) as usize, 1 << (index % WORD))
    }

    /// The index was not received, and is not too old to know.
    pub(super) fn is_new(&self, index: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        let (word, bit) = Self::place(index);
        index > highest || (highest - index < Self::REACH && self.received[word] & bit == 0)
    }

    /// A packet with this index was authenticated. One that is too old changes nothing.
    pub(super) fn accept(&mut self, index: u64) {
        if let Some(highest) = self.highest {
            if highest.saturating_sub(index) >= Self::REACH {
                return;
            }
            let words_on = (index / WORD).saturating_sub(highest / WORD);
            for n in 1..=words_on.min(WORDS as u64) {
                self.received[((highest / WORD + n) % WORDS as u64) as usize] = 0;
            }
        }
        let (word, bit) = Self::place(index);
        self.received[word] |= bit;
        self.highest = self.highest.max(Some(index));
    }
}

/// Rollover counter and replay window of one SSRC that is received.
#[derive(Debug, Default)]
pub(crate) struct ReplayWindow(Window<RTP_WINDOW_WORDS>);

impl ReplayWindow {
    /// The 48-bit index that a sequence number stands for: the one nearest to the highest that was received, and before any
    /// was received the one of rollover counter 0. `None`: it was received already, is too old for the window, or would be
    /// from before the first rollover or behind the last.
    pub(crate) fn index_of(&self, seq: u16) -> Option<u64> {
        const HALF: u16 = 1 << 15;
        let Some(highest) = self.0.highest else { return Some(seq.into()) };
        let (rollovers, newest) = ((highest >> 16) as u32, highest as u16);
        let rollovers = if newest < HALF {
            // A number half the range on is still on.
            if seq.saturating_sub(newest) > HALF { rollovers.checked_sub(1)? } else { rollovers }
        } else if newest - HALF > seq {
            rollovers.checked_add(1)?
        } else {
            rollovers
        };
        let index = u64::from(rollovers) << 16 | u64::from(seq);
        self.0.is_new(index).then_some(index)
    }

    /// Nothing with this index was accepted, and it is not too old to know.
    pub(crate) fn is_new(&self, index: u64) -> bool {
        self.0.is_new(index)
    }

    /// A packet with this index was authenticated.
    pub(crate) fn accept(&mut self, index: u64) {
        self.0.accept(index);
    }

    /// The highest index that was received.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn highest(&self) -> Option<u64> {
        self.0.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of a sequence number, which is then received.
    fn take(window: &mut ReplayWindow, seq: u16) -> Option<u64> {
        let index = window.index_of(seq)?;
        window.accept(index);
        Some(index)
    }

    /// A window that received one packet.
    fn after(index: u64) -> ReplayWindow {
        let mut window = ReplayWindow::default();
        window.accept(index);
        window
    }

    #[test]
    fn numbers_roll_over_in_order() {
        let mut window = ReplayWindow::default();
        for index in 0..200_000_u64 {
            assert_eq!(take(&mut window, index as u16), Some(index));
            assert_eq!(window.index_of(index as u16), None, "a twin");
        }
    }

    #[test]
    fn numbers_roll_over_under_loss() {
        for step in [2, 63, 64, 65, 1_000, 1_087, 1_088, 1_089, 32_767] {
            let mut window = ReplayWindow::default();
            for index in (0..600_000_u64).step_by(step) {
                assert_eq!(take(&mut window, index as u16), Some(index), "steps of {step}");
                assert_eq!(window.index_of(index as u16), None, "a twin");
                let lost = index.saturating_sub(1);
                assert_eq!(
                    window.index_of(lost as u16),
                    (lost < index).then_some(lost),
                    "what was lost may come"
                );
            }
        }
    }

    #[test]
    fn numbers_roll_over_out_of_order() {
        let mut window = after(65_533);
        let order = [0_u16, 65_535, 2, 1, 65_534, 3];
        let taken = order.map(|seq| take(&mut window, seq));
        assert_eq!(taken, [65_536, 65_535, 65_538, 65_537, 65_534, 65_539].map(Some));
        assert_eq!(order.map(|seq| take(&mut window, seq)), [None; 6]);
    }

    #[test]
    fn the_first_packet_is_of_no_rollover() {
        for seq in [0, 1, 32_767, 32_768, 65_535] {
            assert_eq!(ReplayWindow::default().index_of(seq), Some(seq.into()));
        }
    }

    #[test]
    fn nothing_is_from_before_the_first_rollover() {
        let window = after(10);
        assert_eq!(window.index_of(65_530), None);
        assert_eq!(window.index_of(32_779), None);
        assert_eq!(
            window.index_of(32_778),
            Some(32_778),
            "half the range on, as RFC 3711's appendix A has it"
        );
        assert_eq!(window.index_of(9), Some(9), "before the first, and of the same rollover");
        assert_eq!(after(1 << 16 | 10).index_of(65_530), Some(65_530), "the twin, one rollover on");
    }

    #[test]
    fn nothing_is_from_behind_the_last_rollover() {
        assert_eq!(after((1 << 48) - 1).index_of(0), None);
        assert_eq!(after((1 << 48) - 2).index_of(65_535), Some((1 << 48) - 1));
    }

    #[test]
    fn the_window_reaches_back_as_far_as_it_says() {
        for highest in [1_023, 1_024, 70_000, 70_016, 70_079] {
            let mut window = after(highest);
            for back in 1..1_024.min(highest + 1) {
                assert_eq!(window.index_of((highest - back) as u16), Some(highest - back), "{back} back");
            }
            for back in 1_024..3_000.min(highest + 1) {
                assert_eq!(window.index_of((highest - back) as u16), None, "{back} back");
                // An index that the window does not know changes nothing.
                window.accept(highest - back);
            }
            assert_eq!(window.highest(), Some(highest));
            assert_eq!(window.index_of((highest - 1_023) as u16), Some(highest - 1_023));
        }
    }

    /// What the window says against a list of all that was received.
    #[test]
    fn a_window_forgets_and_makes_up_nothing() {
        let mut window = Window::<3>::default();
        let mut received = std::collections::BTreeSet::new();
        let (mut state, mut newest) = (1_u32, 500_u64);
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let by = u64::from(state >> 24);
            let index = if state & 0x0080_0000 == 0 { newest.saturating_sub(by) } else { newest + by / 2 };
            let highest = received.last().copied().unwrap_or(index);
            let new = index > highest || (highest - index < 128 && !received.contains(&index));
            assert_eq!(window.is_new(index), new, "{index} after {highest}");
            window.accept(index);
            if new {
                received.insert(index);
            }
            newest = newest.max(index);
        }
    }
}
