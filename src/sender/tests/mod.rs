//! The policy, rule by rule. That all of it together holds in any order of events is tried in `tests/sender.rs`.

use alloc::{format, string::String, vec, vec::Vec};

use super::*;
use crate::evm::{
    Address, B256, Key, Sealed, Transaction, Transfer, U256,
    chain::sending::{DryRun, EXPIRED, FUNDS, Landed, Sent, USED},
};

mod jobs;
mod nonces;
mod orders;
mod prices;

const NOW: u64 = 1_800_000_000;
const ACCOUNT: Address = Address::repeat_byte(9);
const TERMS: Terms = Terms {
    chain_id: 84532,
    account: ACCOUNT,
    most: 1_000_000,
};

fn job(index: u8) -> Job {
    Job {
        asset: Address::repeat_byte(1),
        payer: Address::repeat_byte(0x20 + index),
        pay_to: Address::repeat_byte(3),
        amount: "50000".parse().unwrap(),
        nonce: B256::with_last_byte(index),
        valid_before: NOW + 300,
        transfer: Transfer::Eip3009,
        to: Address::repeat_byte(1),
        data: format!("0x{index:02x}"),
    }
}

fn head() -> Head {
    Head {
        number: 100,
        time: NOW,
        base_fee: 1_000,
        tip_fee: 10,
        mined: 5,
        pooled: 5,
        balance: 1 << 60,
    }
}

/// A transaction that was handed out to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Out {
    nonce: u64,
    ticket: u64,
    hash: B256,
    tip: u64,
    fee: u64,
    gas: u64,
    to: Address,
    data: Vec<u8>,
    before: u32,
}

/// A sender under a hand that plays its executor, its clock and its chain.
struct Play {
    sender: Sender,
    now: u64,
    head: Head,
    dry: DryRun,
}

impl Play {
    fn new() -> Self {
        Self {
            sender: Sender::new(TERMS),
            now: NOW,
            head: head(),
            dry: DryRun::Passes(80_000),
        }
    }

    /// The next work of this second, with the transaction where it is one to be sent.
    fn next(&mut self) -> Option<(Work, Option<Transaction>)> {
        let made = core::cell::RefCell::new(None);
        let seal = |transaction: &Transaction| {
            *made.borrow_mut() = Some(transaction.clone());
            let data = U256::from(transaction.call.data.first().copied().unwrap_or(0xff));
            let name = (data << 192) | (U256::from(transaction.nonce) << 128) | (U256::from(transaction.fee) << 64);
            Some(Sealed {
                hash: B256::from(name | U256::from(transaction.tip)),
                raw: vec![2],
            })
        };
        let work = self.sender.next(self.now, &seal)?;
        Some((work, made.into_inner()))
    }

    /// Looks and runs dry as often as is asked for, until there is something to send or nothing to do.
    fn sends(&mut self) -> Option<Out> {
        for _ in 0..100 {
            match self.next()? {
                (Work::Head { ticket }, _) => {
                    let head = Some(self.head);
                    self.sender.step(Event::Headed { ticket, head }, self.now);
                }
                (Work::DryRun { key, ticket, .. }, _) => {
                    let result = Some(self.dry);
                    self.sender.step(Event::Ran { key, ticket, result }, self.now);
                }
                (
                    Work::Send {
                        nonce,
                        ticket,
                        hash,
                        before,
                        ..
                    },
                    Some(made),
                ) => {
                    return Some(Out {
                        nonce,
                        ticket,
                        hash,
                        before,
                        tip: made.tip,
                        fee: made.fee,
                        gas: made.gas,
                        to: made.call.to,
                        data: made.call.data,
                    });
                }
                (other, _) => panic!("{other:?}"),
            }
        }
        panic!("no end of work");
    }

    fn answers(&mut self, out: &Out, answer: Sent) {
        let (nonce, hash, ticket) = (out.nonce, out.hash, out.ticket);
        self.sender.step(
            Event::Answered {
                nonce,
                hash,
                ticket,
                answer,
            },
            self.now,
        );
    }

    /// Asks for a job and sends it, with this answer of the node.
    fn settles(&mut self, job: &Job, answer: Sent) -> Out {
        assert_eq!(self.sender.ask(job.clone(), self.now), None);
        let out = self.sends().unwrap();
        self.answers(&out, answer);
        out
    }

    /// So many seconds later, with as many blocks as that makes.
    fn later(&mut self, seconds: u64) {
        self.now += seconds;
        self.head.time += seconds;
        self.head.number += seconds / 2;
    }

    /// The search for receipts that is due, after the looks at the chain before it.
    fn looks(&mut self) -> Option<(u64, u64, Vec<B256>)> {
        loop {
            match self.next()?.0 {
                Work::Head { ticket } => {
                    let head = Some(self.head);
                    self.sender.step(Event::Headed { ticket, head }, self.now);
                }
                Work::Look {
                    nonce, ticket, hashes, ..
                } => return Some((nonce, ticket, hashes)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn finds(&mut self, found: Found) {
        let (nonce, ticket, _) = self.looks().unwrap();
        self.sender.step(Event::Looked { nonce, ticket, found }, self.now);
    }

    fn lands(&mut self, out: &Out, landed: Landed) {
        self.head.mined = out.nonce + 1;
        self.head.pooled = self.head.pooled.max(self.head.mined);
        self.later(2);
        self.finds(Found::Landed { hash: out.hash, landed });
    }

    fn outcome(&self, job: &Job) -> Option<Outcome> {
        self.sender.outcome(job)
    }

    /// As after a crash of the executor, from what it stored.
    fn restarted(&mut self, disk: &mut Vec<(String, String)>) {
        for write in self.sender.writes() {
            disk.retain(|(key, _)| *key != write.key);
            disk.extend(write.body.map(|body| (write.key, body)));
        }
        self.sender = Sender::load(TERMS, disk.iter().map(|(key, body)| (key.as_str(), body.as_str())));
    }
}

fn refused(reason: &str) -> Option<Outcome> {
    Some(Outcome::Refused(reason.into()))
}
