//! `money`: real money is taken only where the file says so.

use alloc::format;

use super::{check::Check, networks::Entry};
use crate::json::Value;

impl Check {
    /// `"test"`, which is the default, or `"real"`. A network whose money may be worth something needs the second word, so that
    /// nobody takes it by mistake.
    pub(super) fn money(&mut self, value: Option<&Value<'_>>, entries: &[Entry]) {
        match value.map(Value::text) {
            Some(Some("real")) => return,
            None | Some(Some("test")) => {}
            Some(_) => return self.wrong("money", "must be \"test\" or \"real\""),
        }
        if let Some(entry) = entries.iter().find(|entry| !entry.network.is_test()) {
            let network = entry.network;
            let name = network.name().unwrap_or("not a test network that farthing knows");
            self.wrong(
                "money",
                format!("{network} ({name}) takes real money: write \"money\": \"real\" if that is meant, or name a test network, like \"eip155:84532\""),
            );
        }
    }
}
