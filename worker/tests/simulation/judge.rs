//! The invariants: at each delivery, and in the end.

use farthing::ledger::{self, Grant, Phase, Row};

use super::{
    clients::{ALL, resource},
    world::{Who, World},
};

impl World {
    fn moved_for(&self, authorization: usize) -> bool {
        // where no block is waited for, a facilitator's hasty word and an undone block are the publisher's risk
        let careful = self.setting.confirmations > 1 && self.setting.readable;
        let risk = self.hasty.contains(&authorization) || self.chain.undone.contains(&authorization);
        self.chain.has_paid(authorization) || risk && !careful
    }

    /// S1, S2: what goes out was paid for, and for this very article; of a bundle, so many articles and no more.
    pub(crate) fn judge_delivery(&mut self, article: usize, grant: &Grant) {
        self.delivered.insert(article);
        let paid = match self.setting.bundle {
            Some(count) => {
                let bought = self.bound.keys().filter(|one| self.moved_for(**one)).count();
                self.delivered.len() <= bought * usize::try_from(count).unwrap()
            }
            None => self
                .bound
                .iter()
                .any(|(one, bound)| *bound == article && self.moved_for(*one)),
        };
        if grant.resource != resource(article) {
            self.violation = Some(format!("S2: somebody asked for {article} and got {}", grant.resource));
        } else if !paid {
            self.violation = Some(format!("S1: article {article} went out, and nothing was paid for it"));
        }
    }

    fn rows(&self) -> Vec<Row> {
        let texts = self.around.sql("SELECT body FROM payment", &[]).unwrap_or_default();
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// S3, S4, S6, S8: the ledger says what the chain says, nobody paid twice, and who paid can read.
    pub(crate) fn judge_end(&mut self) {
        if self.violation.is_none() {
            self.violation = self.end().err();
        }
    }

    /// What the books say of an authorization: its entry but for the version, and its state.
    fn booked(&self, authorization: usize) -> Option<(serde_json::Value, String)> {
        let entry = "SELECT json_object('key', key, 'state', state, 'receipt', receipt, 'resource', resource, 'network', network, \
            'asset', asset, 'payer', payer, 'payTo', pay_to, 'amount', amount, 'charged', charged, 'transaction', transaction_hash, \
            'firstSeen', first_seen, 'settledAt', settled_at, 'offer', offer) FROM payment WHERE key LIKE ?";
        // a nonce's last byte is its number
        let texts = self
            .around
            .in_books(entry, &[&format!("%{authorization:02x}")])
            .unwrap_or_default();
        let mut entry: serde_json::Value = serde_json::from_str(texts.first()?).unwrap();
        let fields = entry.as_object_mut().unwrap();
        fields.retain(|_, value| !value.is_null());
        let state = fields["state"].as_str().unwrap().to_owned();
        Some((entry, state))
    }

    /// G5: the books say what the ledger says, and nobody still wants to tell them.
    fn judge_books(&self, authorization: usize, row: Option<&Row>) -> Result<(), String> {
        let told = self.booked(authorization).map(|(entry, _)| entry);
        let Some(row) = row else { return Ok(()) };
        let said = ledger::entry(row).map(|entry| {
            let mut entry = serde_json::to_value(entry).unwrap();
            // the books keep it as well, or a word of their own
            entry.as_object_mut().unwrap().remove("reason");
            entry
        });
        match (&said, &told) {
            // what was refused and is claimed again, or was released after that, has the entry of the refusal
            (None, _) if row.refused.is_some() => Ok(()),
            _ if said == told => Ok(()),
            _ => Err(format!(
                "G5: of {authorization} the ledger says {said:?}, and the books {told:?}"
            )),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        let rows = self.rows();
        let found = |authorization: usize| rows.iter().find(|row| usize::from(row.intent.nonce[31]) == authorization);
        let waiting = self.around.sql("SELECT key FROM outbox", &[]).unwrap_or_default();
        if !waiting.is_empty() {
            return Err(format!("G5: the books were never told about {waiting:?}"));
        }
        for authorization in 0..self.setting.authorizations.len() {
            let row = found(authorization);
            if self.setting.books {
                self.judge_books(authorization, row)?;
            }
            // a row that was forgotten said what the books say
            let settled = match row {
                Some(row) => matches!(row.phase, Phase::Settled { .. }),
                None if self.setting.books => self.booked(authorization).is_some_and(|(_, state)| state == "settled"),
                None => continue,
            };
            let paid = self.chain.has_paid(authorization);
            if self.setting.readable && row.is_some_and(Row::is_open) {
                return Err(format!("S6: {authorization} is still open: {row:?}"));
            }
            // nobody sees what cannot be read
            let unseen = self.hasty.contains(&authorization) || self.chain.undone.contains(&authorization);
            if settled && !paid && (self.setting.readable || !unseen) {
                return Err(format!("S8: {authorization} is settled, and not on the chain"));
            }
            if self.setting.readable && paid && !settled && self.bound.contains_key(&authorization) {
                return Err(format!("S4: {authorization} is paid for, and {row:?}"));
            }
        }
        for article in 0..2 {
            let paid: Vec<usize> = self
                .bound
                .iter()
                .filter(|(one, bound)| **bound == article && self.chain.has_paid(**one))
                .map(|(one, _)| *one)
                .collect();
            // somebody else's transaction with a refused, released or expired authorization is not our doing
            let excused = self.setting.others || paid.iter().any(|one| self.lied.contains(one));
            if paid.len() > 1 && !self.setting.single && !excused {
                return Err(format!("S3: article {article} was paid for by {paid:?}"));
            }
            if self.setting.readable && !self.setting.single && !paid.is_empty() && !self.opens(article) {
                return Err(format!("S4: article {article} was paid for by {paid:?}, and does not open"));
            }
        }
        match self.setting.bundle {
            Some(count) => self.end_of_bundles(usize::try_from(count).unwrap(), &rows),
            None => Ok(()),
        }
    }

    /// S3, S4: a bundle is bought again only when the one before is used up, and opens what it promised, neither less nor more.
    fn end_of_bundles(&mut self, count: usize, rows: &[Row]) -> Result<(), String> {
        let paid: Vec<usize> = self.bound.keys().copied().filter(|one| self.chain.has_paid(*one)).collect();
        let excused = self.setting.others || paid.iter().any(|one| self.lied.contains(one));
        // the table is made with its first row
        let opened = self.around.sql("SELECT resource FROM opened", &[]).unwrap_or_default();
        if !excused && paid.len() > 1 && opened.len() <= (paid.len() - 1) * count {
            return Err(format!(
                "S3: bundles were paid for by {paid:?}, and {opened:?} is all they opened"
            ));
        }
        // where nobody can read the chain, a facilitator's word may have been wrong, or never came
        let bought = match self.setting.readable {
            true => paid.len(),
            false => self.around.sql("SELECT 1 FROM wider", &[]).unwrap_or_default().len(),
        };
        let pending = rows.iter().any(Row::is_open);
        let (open, all) = (self.opened_at_last(), usize::try_from(ALL).unwrap());
        if open != (bought * count).min(all) && !pending {
            return Err(format!("S4: {bought} bundles of {count} open {open} articles"));
        }
        Ok(())
    }

    /// Whether who proves the account gets the article.
    fn opens(&mut self, article: usize) -> bool {
        let question = serde_json::json!({"resource": resource(article)}).to_string();
        let before = self.deliveries;
        let client = self.clients.len();
        self.clients.push(super::clients::Client {
            authorization: 0,
            article,
            tries: 0,
            doing: super::clients::Doing::Waits,
            served: false,
            thief: false,
        });
        self.start(Who::Client(client), "owned", &question);
        self.deliveries > before
    }
}
