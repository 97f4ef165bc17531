//! How packets arrived and left: counts of a server's system calls.

/// Counts from the beginning, or between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SocketCalls {
    wake_ups: u64,
    receive_calls: u64,
    datagrams_in: u64,
    datagrams_out: u64,
    send_calls: u64,
}

impl SocketCalls {
    /// From name and value of each; names that mean nothing here are left out.
    pub(crate) fn read<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut calls = Self::default();
        for (name, value) in counts {
            match name {
                "wake_ups" => calls.wake_ups = value,
                "receive_calls" => calls.receive_calls = value,
                "datagrams_in" => calls.datagrams_in = value,
                "datagrams_out" => calls.datagrams_out = value,
                "send_calls" => calls.send_calls = value,
                _ => {}
            }
        }
        calls
    }

    /// What was counted since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            wake_ups: self.wake_ups.saturating_sub(earlier.wake_ups),
            receive_calls: self.receive_calls.saturating_sub(earlier.receive_calls),
            datagrams_in: self.datagrams_in.saturating_sub(earlier.datagrams_in),
            datagrams_out: self.datagrams_out.saturating_sub(earlier.datagrams_out),
            send_calls: self.send_calls.saturating_sub(earlier.send_calls),
        }
    }

    /// For the column of conditions: `2.10 datagrams a wake-up, 1.20 a receive call, 1.40 a send call`.
    #[allow(clippy::cast_precision_loss)] // for people
    pub(crate) fn describe(&self) -> String {
        let per = |n: u64, calls: u64| n as f64 / calls.max(1) as f64;
        match self.wake_ups {
            // A server that does not count.
            0 => "system calls unknown".into(),
            _ => format!(
                "{:.2} datagrams a wake-up, {:.2} a receive call, {:.2} a send call",
                per(self.datagrams_in, self.wake_ups),
                per(self.datagrams_in, self.receive_calls),
                per(self.datagrams_out, self.send_calls)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_what_was_counted_in_between() {
        let read = |n: u64| {
            SocketCalls::read([
                ("wake_ups", 10 * n),
                ("receive_calls", 20 * n),
                ("datagrams_in", 30 * n),
                ("datagrams_out", 28 * n),
                ("send_calls", 7 * n),
                ("send_drops", 1),
            ])
        };
        let told = read(5).since(&read(2)).describe();
        assert_eq!(told, "3.00 datagrams a wake-up, 1.50 a receive call, 4.00 a send call");
        assert_eq!(SocketCalls::default().describe(), "system calls unknown");
    }
}
