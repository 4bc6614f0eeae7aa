//! Orders and nonces as rows: words with a space between, without serde, which would be a tenth of the Worker's size.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Job,
    job::{Order, Stage},
    slot::{Mined, Slot, Try},
    state::Lease,
};
use crate::evm::{Address, B256, Transfer, hex};

/// What stands for nothing.
const NONE: &str = "-";

/// The words of a row, one after the other.
pub(super) struct Words<'a>(core::str::Split<'a, char>);

impl<'a> Words<'a> {
    pub(super) fn of(row: &'a str) -> Self {
        Self(row.split(' '))
    }

    fn text(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.text()?.parse().ok()
    }

    fn address(&mut self) -> Option<Address> {
        hex::read(self.text()?).map(Address::new)
    }

    fn hash(&mut self) -> Option<B256> {
        hex::read(self.text()?).map(B256::new)
    }
}

impl Job {
    /// As a payer's ledger hands it to a sender, and as it is stored.
    ///
    /// ```
    /// use farthing::{evm::{Address, B256, Transfer}, sender::Job};
    /// let job = Job {
    ///     asset: Address::repeat_byte(1), payer: Address::repeat_byte(2), pay_to: Address::repeat_byte(3),
    ///     amount: "50000".parse().unwrap(), nonce: B256::repeat_byte(4), valid_before: 1_800_000_300,
    ///     transfer: Transfer::Eip3009, to: Address::repeat_byte(1), data: "0xe3ee160e".into(),
    /// };
    /// assert_eq!(Job::read(&job.write()), Some(job));
    /// assert_eq!(Job::read("0x"), None);
    /// ```
    pub fn write(&self) -> String {
        let address = |address: Address| hex::print(address.as_slice());
        [
            address(self.asset),
            address(self.payer),
            address(self.pay_to),
            self.amount.to_string(),
            hex::print(self.nonce.as_slice()),
            self.valid_before.to_string(),
            self.transfer.name().to_owned(),
            address(self.to),
            self.data.clone(),
        ]
        .join(" ")
    }

    /// Reads what was written so.
    pub fn read(row: &str) -> Option<Self> {
        Self::from_words(&mut Words::of(row))
    }

    fn from_words(words: &mut Words<'_>) -> Option<Self> {
        Some(Self {
            asset: words.address()?,
            payer: words.address()?,
            pay_to: words.address()?,
            amount: words.text()?.parse().ok()?,
            nonce: words.hash()?,
            valid_before: words.number()?,
            transfer: Transfer::read(words.text()?)?,
            to: words.address()?,
            data: words.text()?.to_owned(),
        })
    }
}

impl Order {
    pub(super) fn write(&self) -> String {
        let (stage, more) = match &self.stage {
            Stage::Waiting => ("waiting", NONE.to_owned()),
            Stage::Fits { gas } => ("fits", gas.to_string()),
            Stage::Out { nonce } => ("out", nonce.to_string()),
            Stage::Done { transaction } => ("done", hex::print(transaction.as_slice())),
            Stage::Refused { reason } => ("refused", reason.clone()),
            Stage::Open => ("open", NONE.to_owned()),
        };
        let (sent, reverted) = (u8::from(self.sent), u8::from(self.reverted));
        format!("{stage} {more} {sent} {reverted} {} {}", self.asked, self.job.write())
    }

    pub(super) fn read(row: &str) -> Option<Self> {
        let mut words = Words::of(row);
        let (stage, more) = (words.text()?, words.text()?);
        let stage = match stage {
            "waiting" => Stage::Waiting,
            "fits" => Stage::Fits { gas: more.parse().ok()? },
            "out" => Stage::Out {
                nonce: more.parse().ok()?,
            },
            "done" => Stage::Done {
                transaction: hex::read(more).map(B256::new)?,
            },
            "refused" => Stage::Refused { reason: more.to_owned() },
            "open" => Stage::Open,
            _ => return None,
        };
        let (sent, reverted, asked) = (words.number()? == 1, words.number()? == 1, words.number()?);
        let job = Job::from_words(&mut words)?;
        Some(Self {
            key: job.key(),
            job,
            stage,
            sent,
            reverted,
            asked,
            lease: Lease::default(),
        })
    }
}

impl Slot {
    pub(super) fn write(&self) -> String {
        let order = self.order.as_deref().unwrap_or(NONE);
        // no block is a landed one's number
        let mined = self.mined.unwrap_or(Mined { block: 0, at: 0 });
        let numbers = [
            self.nonce,
            self.gas,
            self.sent_at,
            self.priced_at,
            self.block,
            self.sends.into(),
            mined.block,
            mined.at,
        ];
        let mut words = Vec::from([order.to_owned()]);
        words.extend(numbers.iter().map(u64::to_string));
        for one in &self.tries {
            words.push(hex::print(one.hash.as_slice()));
            words.extend([one.tip, one.fee, one.empty.into()].iter().map(u64::to_string));
        }
        words.join(" ")
    }

    pub(super) fn read(row: &str) -> Option<Self> {
        let mut words = Words::of(row);
        let order = words.text().filter(|order| *order != NONE).map(str::to_owned);
        let mut slot = Self::new(words.number()?, order, words.number()?);
        (slot.sent_at, slot.priced_at, slot.block) = (words.number()?, words.number()?, words.number()?);
        slot.sends = words.number()?.try_into().ok()?;
        let (block, at) = (words.number()?, words.number()?);
        slot.mined = (at > 0).then_some(Mined { block, at });
        // what was made in another life may be in anybody's hands
        slot.untaken = false;
        while let Some(hash) = words.hash() {
            slot.tries.push(Try {
                hash,
                tip: words.number()?,
                fee: words.number()?,
                empty: words.number()? == 1,
            });
        }
        Some(slot)
    }
}
