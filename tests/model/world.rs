//! Everything that exists at a moment: the object's rows, what it is doing, the requests, the facilitator's hands, the chain.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    rc::Rc,
};

use farthing::{
    evm::{Address, B256, Transfer},
    ledger::{Intent, Phase, Row, Terms},
    x402::{self, Network},
};

use super::{Broken, Setting, Wider};

/// When the world begins, Unix seconds.
pub(crate) const START: u64 = 1_000_000;
/// The configured patience with a settle call, in seconds.
const TIMEOUT: u64 = 20;
/// How long the payer's authorizations hold, in seconds.
const WINDOW: u64 = 60;

/// What a request is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Not there yet, or about to come back; how often it may still ask.
    Away(u8),
    /// Waits for the outcome of another's work.
    Waiting { tries: u8, joined: bool },
    /// Won the claim; the chain's latest block is being read.
    Floor { tries: u8, fence: u64 },
    /// Won the claim; the origin is being asked.
    Origin { tries: u8, fence: u64 },
    /// Waits for its own settlement.
    Settling { tries: u8 },
    /// Waits for the resolution that it began.
    Resolving { tries: u8 },
    /// Has the article.
    Served,
}

/// What the object is doing for an authorization; it dies with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Drive {
    Idle,
    /// A settle call is on its way.
    Calling {
        fence: u64,
        may_settle: bool,
    },
    /// The chain is being read.
    Observing {
        may_settle: bool,
    },
}

/// What the chain knows of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Nonce {
    Unused,
    /// Our transfer, in this block, at this time.
    Paid {
        block: u64,
        time: u64,
    },
    Cancelled,
}

#[derive(Clone, Debug)]
pub(crate) struct World<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) now: u64,
    pub(crate) block: u64,
    pub(crate) rows: [Option<Rc<Row>>; 2],
    pub(crate) drives: [Drive; 2],
    /// Whether the facilitator holds a payment that it may still broadcast.
    pub(crate) held: [bool; 2],
    /// Whether the facilitator refused it while it did: only a liar's lies are excused.
    pub(crate) lied: [bool; 2],
    /// Whether it was said to be settled, or was, and its block is not there: the publisher took that risk.
    pub(crate) hasty: [bool; 2],
    /// Whether its transfer paid for something else, before it came here.
    pub(crate) elsewhere: [bool; 2],
    pub(crate) chain: [Nonce; 2],
    pub(crate) clients: [Client; 3],
    /// Which articles each payment's bundle has opened besides the one it was bought at.
    pub(crate) opened: [[bool; 2]; 2],
    /// A promise broken by the last event.
    pub(crate) broken_promise: Option<&'static str>,
}

pub(crate) const ARTICLES: [&str; 2] = ["https://n.example/a", "https://n.example/b"];

impl<'a> World<'a> {
    pub(crate) fn new(setting: &'a Setting) -> Self {
        Self {
            setting,
            now: START,
            block: 10,
            rows: [None, None],
            drives: [Drive::Idle; 2],
            held: [false; 2],
            lied: [false; 2],
            hasty: [false; 2],
            elsewhere: [false; 2],
            chain: [Nonce::Unused; 2],
            clients: [Client::Away(2), Client::Away(2), Client::Away(2)],
            opened: [[false; 2]; 2],
            broken_promise: None,
        }
    }

    /// The payment that a request carries.
    pub(crate) fn intent(&self, client: usize) -> Intent {
        let (authorization, article) = self.setting.requests[client];
        Intent {
            resource: ARTICLES[article].into(),
            // what is metered is sold by the call
            seconds: (!self.setting.metered).then_some(1_000_000),
            offer: self.setting.wider.map(|wider| x402::Wider {
                name: "wider".into(),
                title: String::new(),
                count: match wider {
                    Wider::Pass => None,
                    Wider::Bundle(count) => Some(count),
                },
                seconds: 1_000_000,
            }),
            passes: (self.setting.wider == Some(Wider::Pass))
                .then(|| "wider".into())
                .into_iter()
                .collect(),
            version: 2,
            network: Network::BASE_SEPOLIA,
            asset: Address::repeat_byte(1),
            transfer: Transfer::Eip3009,
            metered: self.setting.metered.then_some(6),
            upfront: false,
            verify: false,
            contract: false,
            payer: Address::repeat_byte(2),
            pay_to: Address::repeat_byte(3),
            amount: "50000".parse().unwrap(),
            nonce: B256::with_last_byte(authorization.try_into().unwrap()),
            valid_before: START + WINDOW,
            confirmations: 0,
            digest: authorization.to_string(),
            secret: true,
            tagged: self.setting.tagged,
            identifier: None,
            address: String::new(),
            late: (self.now >= START + WINDOW).then(|| "authorization-expired".into()),
            receipt: client.to_string(),
            audience: None,
            request: String::new(),
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            timeout: TIMEOUT,
            confirmations: self.setting.confirmations,
            readable: true,
        }
    }

    pub(crate) fn valid_before(&self) -> u64 {
        START + WINDOW
    }

    /// Two digests of 64 bits: of the millions of worlds of a search no two have the same.
    pub(crate) fn digest(&self) -> u128 {
        let half = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            seed.hash(&mut hasher);
            (
                self.now,
                self.block,
                self.drives,
                self.held,
                self.lied,
                self.hasty,
                self.elsewhere,
                self.chain,
                self.clients,
                self.opened,
                self.broken_promise,
            )
                .hash(&mut hasher);
            for row in &self.rows {
                hash_row(row.as_deref(), &mut hasher);
            }
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    /// The promises, in this state.
    pub(crate) fn judge(&self) -> Result<(), String> {
        if let Some(promise) = self.broken_promise {
            return Err(promise.into());
        }
        // S3: nothing that we did took the money twice for one article; calls are paid for one by one
        let taken = |index: usize| {
            let row = self.rows[index].as_ref();
            let here = matches!(self.chain[index], Nonce::Paid { .. }) && !self.elsewhere[index];
            here.then(|| row.map(|row| row.intent.resource.clone()))
        };
        if let (Some(one), Some(other)) = (taken(0), taken(1))
            // a pass opens both articles, and a bundle of two is not used up by one
            && (one == other || self.setting.wider.is_some())
            && !self.lied.contains(&true)
            && !self.setting.metered
        {
            return Err("S3: one article, or one wider offer, was paid for twice".into());
        }
        Ok(())
    }

    /// What the end depends on.
    pub(crate) fn fate(&self) -> u128 {
        let half = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            (seed, self.now, self.block, self.chain, self.elsewhere).hash(&mut hasher);
            for row in &self.rows {
                hash_row(row.as_deref(), &mut hasher);
            }
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    /// S4, S5, S8: left alone with a chain that can be read, every payment ends as the chain has it.
    pub(crate) fn judge_end(&self, broken: Option<Broken>) -> Result<(), String> {
        let mut end = self.clone();
        end.drives = [Drive::Idle; 2];
        end.held = [false; 2];
        end.settle_down(broken);
        for index in 0..2 {
            let phase = end.rows[index].as_ref().map(|row| &row.phase);
            let fits = match (end.chain[index], phase) {
                // what paid for something else is nothing here
                (Nonce::Paid { .. }, Some(Phase::Settled { .. })) if end.elsewhere[index] => false,
                (Nonce::Paid { .. }, _) if end.elsewhere[index] => true,
                (Nonce::Paid { .. }, Some(Phase::Settled { .. })) => true,
                (Nonce::Paid { .. }, _) => return Err(format!("S4: paid for, and in the end {phase:?}")),
                (Nonce::Unused | Nonce::Cancelled, Some(Phase::Settled { .. })) => false,
                _ => true,
            };
            if !fits {
                return Err("S8: settled in the ledger, and not on the chain".into());
            }
            if end.rows[index].as_deref().is_some_and(Row::is_open) {
                return Err(format!("S6: still open in the end: {phase:?}"));
            }
        }
        Ok(())
    }
}

fn hash_row(row: Option<&Row>, hasher: &mut DefaultHasher) {
    let Some(row) = row else {
        return 0_u8.hash(hasher);
    };
    (
        row.fence,
        row.created,
        row.refusals,
        (row.answered, row.delivered, row.busy, row.answers),
        row.floor,
        &row.refused,
        &row.intent.resource,
        &row.intent.receipt,
    )
        .hash(hasher);
    match &row.phase {
        Phase::Claimed { deadline } => (1, *deadline).hash(hasher),
        Phase::Settling { attempt, deadline } => (2, *attempt, *deadline).hash(hasher),
        Phase::Unknown {
            since,
            attempts,
            checks,
            next,
            looked,
            told,
        } => (3, *since, *attempts, *checks, *next, *looked, told).hash(hasher),
        Phase::Settled { at, block, watch, .. } => (4, *at, *block, watch.map(|watch| (watch.next, watch.checks))).hash(hasher),
        Phase::Rejected { at, closed, checks, .. } => (5, *at, *closed, *checks).hash(hasher),
        other => format!("{other:?}").hash(hasher),
    }
    row.charge.hash(hasher);
}
