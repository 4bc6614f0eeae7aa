//! Devices with the payer's handle that open articles with the payer's bundles: they race, are cut off, and ask again.

use farthing::ledger::{DAY_SECONDS, Reply};

use super::{
    clients::{ALL, resource},
    world::{Event, Who, World},
};

/// The name of the bundle that is sold.
pub(crate) const BUNDLE: &str = "two";

#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) article: usize,
    pub(crate) tries: u32,
    /// Its next request is the one that uses something up.
    pub(crate) spends: bool,
}

impl World {
    pub(crate) fn reader_acts(&mut self, reader: usize) {
        let Reader { article, spends, .. } = self.readers[reader];
        let question = serde_json::json!({"resource": resource(article), "bundles": [BUNDLE], "seconds": 30 * DAY_SECONDS});
        let call = if spends { "spend" } else { "owned" };
        self.note(format!("reader {reader} asks for {article}: {call}"));
        self.start(Who::Reader(reader), call, &question.to_string());
    }

    /// The ledger's reply, or none where it failed.
    pub(crate) fn reader_replied(&mut self, reader: usize, reply: Option<&str>) {
        let Some(reply) = reply else {
            return self.reads_again(reader, 2);
        };
        match Reply::read(reply) {
            Some(Reply::Deliver(grant)) => {
                let article = self.readers[reader].article;
                self.note(format!("reader {reader} gets {} by {}", grant.resource, grant.transaction));
                self.judge_delivery(article, &grant);
                self.deliveries += 1;
                self.readers[reader].spends = false;
                if self.chance.happens(300) {
                    self.readers[reader].article = usize::try_from(self.chance.below(ALL)).unwrap();
                    self.reads_again(reader, 5);
                }
            }
            Some(Reply::Left(_)) => {
                self.readers[reader].spends = self.chance.happens(700);
                self.reads_again(reader, 1);
            }
            Some(Reply::Refuse(refused)) => {
                self.note(format!("reader {reader} hears {}", refused.problem));
                // what goes on spending is the same button, pressed again
                self.readers[reader].spends &= refused.problem == "settlement-pending";
                self.reads_again(reader, 10);
            }
            _ => self.violation = Some(format!("reader {reader} is answered {reply}")),
        }
    }

    fn reads_again(&mut self, reader: usize, seconds: u64) {
        let one = &mut self.readers[reader];
        if one.tries > 0 {
            one.tries -= 1;
            let jitter = self.chance.below(1500);
            self.after(seconds * 1000 + jitter, Event::Reader(reader));
        }
    }

    /// How many articles open in the end, where every button is pressed.
    pub(crate) fn opened_at_last(&mut self) -> usize {
        let before = self.deliveries;
        for article in 0..usize::try_from(ALL).unwrap() {
            let reader = self.readers.len();
            self.readers.push(Reader {
                article,
                tries: 0,
                spends: true,
            });
            self.reader_acts(reader);
        }
        usize::try_from(self.deliveries - before).unwrap()
    }
}
