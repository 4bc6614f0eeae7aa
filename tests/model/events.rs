//! What can happen next in a world.

use std::rc::Rc;

use farthing::{
    evm::B256,
    ledger::{self, Bundle, Claim, Event, Floor, Observation, Payer, Phase, Reply, Row, Screened, Settlement, Work},
    money::Amount,
};

use super::{
    Broken, Wider, broken,
    world::{ARTICLES, Client, Drive, Nonce, START, World},
};

/// The chain grows to this many blocks by itself.
const BLOCKS: u64 = 13;
const TX: &str = "0xabababababababababababababababababababababababababababababababab";

/// Takes an event's name and what it does to a world.
type Add<'a, W> = &'a mut dyn FnMut(String, &dyn Fn(&mut W));

/// The number of an article.
fn article(resource: &str) -> usize {
    ARTICLES.iter().position(|one| *one == resource).unwrap()
}

impl World<'_> {
    /// Every event that is possible, and the world after it.
    pub(crate) fn next(&self, broken: Option<Broken>) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        let mut add = |event: String, change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            change(&mut world);
            all.push((event, world));
        };
        for client in 0..3 {
            match self.clients[client] {
                Client::Away(tries) if tries > 0 => add(format!("{client} asks"), &|world| {
                    world.asks(client, tries - 1, false, broken)
                }),
                Client::Waiting { tries, joined } => {
                    add(format!("{client} wakes"), &|world| world.asks(client, tries, joined, broken));
                    add(format!("{client} loses patience"), &|world| {
                        world.clients[client] = Client::Away(tries)
                    });
                }
                Client::Floor { tries, fence } => {
                    // without it, what happened in the same second cannot be told apart
                    let all = [true, false];
                    for known in all.into_iter().filter(|known| *known || !self.setting.elsewhere) {
                        add(format!("{client} reads the floor: {known}"), &|world| {
                            let floor = Floor {
                                number: world.block,
                                hash: B256::ZERO,
                            };
                            if known {
                                world.apply(client, Event::Floor { fence, floor }, broken);
                            }
                            world.clients[client] = Client::Origin { tries, fence };
                        });
                    }
                }
                Client::Origin { tries, fence } => {
                    let charges = match self.setting.metered {
                        true => vec![Some(Amount::ZERO), Some("20000".parse().unwrap())],
                        false => vec![None],
                    };
                    for charge in charges {
                        add(format!("{client} has the article, for {charge:?}"), &|world| {
                            world.origin_ready(client, tries, fence, charge, broken)
                        });
                    }
                    add(format!("{client} gets nothing from the origin"), &|world| {
                        world.apply(client, Event::OriginFailed { fence }, broken);
                        world.clients[client] = Client::Away(tries);
                    });
                }
                _ => {}
            }
        }
        for index in 0..2 {
            self.facilitator(index, broken, &mut add);
            if let Drive::Observing { may_settle } = self.drives[index] {
                for (name, observation) in self.readings(index) {
                    add(format!("chain says of {index}: {name}"), &|world| {
                        world.observed(index, observation.clone(), may_settle, broken);
                    });
                }
            }
            if self.setting.undone
                && let Nonce::Paid { block, .. } = self.chain[index]
                && block == self.block
            {
                add(format!("the block of {index} is undone"), &|world| world.undo(index));
            }
            if self.setting.elsewhere && self.chain[index] == Nonce::Unused && self.rows[index].is_none() {
                add(format!("{index} pays for something else"), &|world| {
                    world.lands(index);
                    world.elsewhere[index] = true;
                });
            }
            // alarms come when they are due, and again
            if self.drives[index] == Drive::Idle && self.rows[index].as_deref().is_some_and(|row| self.is_due(row)) {
                add(format!("alarm of {index}"), &|world| world.tick(index, true, broken));
            }
            if self.setting.others && self.chain[index] == Nonce::Unused && self.rows[index].is_some() {
                add(format!("{index} is cancelled"), &|world| {
                    world.block += 1;
                    world.chain[index] = Nonce::Cancelled;
                });
            }
        }
        let busy = self.drives.iter().any(|drive| *drive != Drive::Idle);
        if busy
            || self
                .clients
                .iter()
                .any(|client| !matches!(client, Client::Away(_) | Client::Served))
        {
            add("the object dies".into(), &|world| world.dies());
        }
        if self.setting.undone && self.block < BLOCKS {
            add("a block passes".into(), &|world| world.block += 1);
        }
        if let Some(time) = self.later() {
            add(format!("{} s later", time - self.now), &|world| world.now = time);
        }
        all
    }

    /// What the facilitator may do with a payment: broadcast what it holds, at any time, and answer a call.
    fn facilitator(&self, index: usize, broken: Option<Broken>, add: Add<'_, Self>) {
        let lands = self.held[index] && self.chain[index] == Nonce::Unused && self.now < self.valid_before();
        if lands {
            add(format!("{index} lands"), &|world| world.lands(index));
        }
        if let Drive::Calling { fence, may_settle } = self.drives[index] {
            let answers = |settlement: &'static dyn Fn() -> Settlement| {
                move |world: &mut Self| world.answered(index, fence, settlement(), may_settle, broken)
            };
            let done = answers(&|| Settlement::Done { transaction: TX.into() });
            let refused = answers(&|| Settlement::Refused {
                reason: "insufficient_funds".into(),
            });
            let nothing = answers(&|| Settlement::Unclear);
            match self.chain[index] {
                // one that it finds, and did not make
                Nonce::Paid { .. } if self.elsewhere[index] => add(format!("settle of {index}: done long ago"), &|world| {
                    world.hasty[index] = true;
                    done(world);
                }),
                Nonce::Paid { .. } => add(format!("settle of {index}: done"), &done),
                _ => {
                    if self.setting.undone && self.held[index] {
                        // it names a transaction that is on its way, or was in a block that is gone
                        add(format!("settle of {index}: done, and not there"), &|world| {
                            world.hasty[index] = true;
                            done(world);
                        });
                    }
                    add(format!("settle of {index}: refused"), &|world| {
                        world.held[index] = false;
                        refused(world);
                    });
                    if self.setting.liar {
                        add(format!("settle of {index}: refused, and kept"), &|world| {
                            world.lied[index] = true;
                            refused(world);
                        });
                    }
                }
            }
            add(format!("settle of {index}: no answer"), &nothing);
        }
    }

    fn readings(&self, index: usize) -> Vec<(&'static str, Observation)> {
        let mut all = vec![("nothing", Observation::Nothing)];
        match self.chain[index] {
            Nonce::Unused => all.push(("unused", Observation::Unused { block_time: self.now })),
            Nonce::Paid { block, time } => {
                let transaction = TX.into();
                all.push((
                    "paid",
                    Observation::Paid {
                        transaction,
                        block,
                        block_time: time,
                        depth: self.block - block,
                        floorless: false,
                    },
                ));
                // a node that lags behind
                all.push(("not yet", Observation::Unused { block_time: time - 1 }));
            }
            Nonce::Cancelled => all.push(("cancelled", Observation::UsedOtherwise)),
        }
        all
    }

    fn lands(&mut self, index: usize) {
        self.block += 1;
        self.held[index] = false;
        self.chain[index] = Nonce::Paid {
            block: self.block,
            time: self.now,
        };
    }

    /// The newest block is gone; what was in it waits for another.
    fn undo(&mut self, index: usize) {
        self.chain[index] = Nonce::Unused;
        self.held[index] = true;
        self.hasty[index] = true;
    }

    fn is_due(&self, row: &Row) -> bool {
        ledger::next_alarm(row).is_some_and(|at| at <= self.now)
    }

    /// The next moment at which anything changes by itself.
    fn later(&self) -> Option<u64> {
        let window = [self.valid_before(), self.valid_before() + ledger::EXPIRY_MARGIN_SECONDS + 1];
        let alarms = self.rows.iter().flatten().filter_map(|row| ledger::next_alarm(row));
        alarms
            .chain(window)
            .filter(|time| *time > self.now)
            .min()
            .filter(|time| *time < START + 1000)
    }

    fn index(&self, client: usize) -> usize {
        self.setting.requests[client].0
    }

    /// One synchronous step of a row.
    fn apply(&mut self, client: usize, event: Event, broken: Option<Broken>) -> Work {
        self.apply_to(self.index(client), event, broken)
    }

    fn apply_to(&mut self, index: usize, event: Event, broken: Option<Broken>) -> Work {
        let Some(row) = &self.rows[index] else {
            return Work::None;
        };
        let (row, work) = broken::step(broken, row, event, self.now, &self.terms());
        self.rows[index] = Some(Rc::new(row));
        work
    }

    fn owned(&self, resource: &str) -> Option<ledger::Owned> {
        let rows = || self.rows.iter().flatten();
        let passes = rows().filter_map(|row| row.held()).filter(|held| held.count.is_none());
        let pass = passes.map(|held| held.owned).next();
        let opened = (0..2).find(|index| self.opened[*index][article(resource)] && self.bundle(*index, resource).is_some());
        let opened = opened
            .and_then(|index| self.bundle(index, resource))
            .map(|bundle| bundle.owned);
        let mut owned = rows().filter_map(|row| row.owned());
        pass.or_else(|| owned.find(|owned| owned.resource == resource)).or(opened)
    }

    /// The bundle that a payment bought, seen from an article.
    fn bundle(&self, index: usize, resource: &str) -> Option<Bundle> {
        let row = self.rows[index].as_ref()?;
        let held = row.held()?;
        let mut has = self.opened[index];
        has[article(&row.intent.resource)] = true;
        Some(Bundle {
            count: held.count?,
            owned: held.owned,
            spent: has.iter().map(|has| u32::from(*has)).sum(),
            has: has[article(resource)],
        })
    }

    /// The payment whose bundle opens an article.
    fn credit(&self, resource: &str) -> Option<(usize, ledger::Owned)> {
        let bundles: Vec<(usize, Bundle)> = (0..2)
            .filter_map(|index| Some((index, self.bundle(index, resource)?)))
            .collect();
        let all: Vec<Bundle> = bundles.iter().map(|(_, bundle)| bundle.clone()).collect();
        let chosen = ledger::from_which(&all)?;
        let (index, bundle) = bundles.iter().find(|(_, bundle)| bundle == chosen)?;
        Some((*index, bundle.owned.clone()))
    }

    /// A request's claim, up to its first wait.
    fn asks(&mut self, client: usize, tries: u8, joined: bool, broken: Option<Broken>) {
        let index = self.index(client);
        let intent = self.intent(client);
        let owned = self.owned(&intent.resource);
        let credit = self.credit(&intent.resource);
        let needless = self.setting.wider.is_some() && broken != Some(Broken::EachTabPays);
        let other = self.rows[1 - index].as_deref();
        let payer = Payer {
            same: self.rows[index].as_deref(),
            named: None,
            other_open: other.is_some_and(|row| row.is_open() && (needless || row.intent.resource == intent.resource)),
            open: other.into_iter().filter(|row| row.is_open()).count(),
            refused: 0,
            owned: owned.as_ref(),
            credit: credit.as_ref().map(|(_, owned)| owned),
            verified: false,
            screened: Screened::Allowed,
        };
        self.clients[client] = match broken::claim(broken, payer, &intent, self.now) {
            Claim::Won(row) => {
                let fence = row.fence;
                if self.rows[index]
                    .as_ref()
                    .is_some_and(|before| before.intent.resource != row.intent.resource)
                {
                    self.broken_promise = Some("S2: an authorization went from one article to another");
                }
                self.rows[index] = Some(row.into());
                Client::Floor { tries, fence }
            }
            Claim::Reply(Reply::Deliver(_)) if joined => Client::Away(tries),
            Claim::Reply(Reply::Deliver(_)) => {
                self.apply_to(index, Event::Answering, broken);
                self.serve(client)
            }
            Claim::Reply(_) => Client::Away(tries),
            Claim::Owned if intent.tagged || self.chain[index] == Nonce::Unused => {
                if let (None, Some((bundle, _))) = (owned, credit) {
                    self.opened[bundle][article(&intent.resource)] = true;
                }
                self.serve(client)
            }
            Claim::Owned => Client::Away(tries),
            Claim::Resolve if self.drives[index] == Drive::Idle => {
                self.tick(index, true, broken);
                Client::Resolving { tries }
            }
            Claim::Join | Claim::Resolve => Client::Waiting { tries, joined: true },
            Claim::WaitForOther => Client::Waiting { tries, joined },
            Claim::Screen | Claim::Verify => unreachable!("no payment of this model is looked at first"),
        };
    }

    /// The article goes out: its payer must have paid for this one.
    fn serve(&mut self, client: usize) -> Client {
        let resource = self.intent(client).resource;
        let paid = (0..2).any(|index| {
            let bound = self.rows[index].as_ref().is_some_and(|row| row.intent.resource == resource)
                || self.opened[index][article(&resource)]
                || self.setting.wider == Some(Wider::Pass);
            // where no block is waited for, one that is undone afterwards is the publisher's loss
            let excused = self.hasty[index] && self.setting.confirmations == 0;
            let here = matches!(self.chain[index], Nonce::Paid { .. }) && !self.elsewhere[index];
            let nothing_used = self.rows[index].as_ref().is_some_and(|row| row.phase == Phase::Waived);
            bound && (excused || here || nothing_used)
        });
        if !paid {
            self.broken_promise = Some("S1: the article went out, and nothing was paid for it");
        }
        Client::Served
    }

    fn origin_ready(&mut self, client: usize, tries: u8, fence: u64, charge: Option<Amount>, broken: Option<Broken>) {
        let index = self.index(client);
        let work = self.apply(client, Event::OriginReady { fence, charge }, broken);
        if let (Work::Settle { .. }, Drive::Idle) = (work, self.drives[index]) {
            self.clients[client] = Client::Settling { tries };
            self.drive(index, work, false);
        } else if self.rows[index].as_ref().is_some_and(|row| row.phase == Phase::Waived) && charge == Some(Amount::ZERO) {
            self.clients[client] = self.serve(client);
        } else {
            self.clients[client] = Client::Away(tries);
        }
    }

    fn tick(&mut self, index: usize, may_settle: bool, broken: Option<Broken>) {
        let work = self.apply_to(index, Event::Tick, broken);
        self.drive(index, work, may_settle);
    }

    /// The executor's next wait, or its end.
    fn drive(&mut self, index: usize, work: Work, may_settle: bool) {
        self.drives[index] = match work {
            Work::None => Drive::Idle,
            Work::Settle { fence } => {
                self.held[index] = true;
                Drive::Calling { fence, may_settle }
            }
            Work::Observe => Drive::Observing { may_settle },
        };
        if work == Work::None {
            self.wake(index);
        }
    }

    /// Who waited for this work goes on.
    fn wake(&mut self, index: usize) {
        for client in 0..3 {
            if self.index(client) != index {
                continue;
            }
            let row = self.rows[index].as_deref();
            match self.clients[client] {
                Client::Settling { tries } => {
                    let settled = row.is_some_and(|row| matches!(row.phase, Phase::Settled { .. }));
                    self.clients[client] = if settled { self.serve(client) } else { Client::Away(tries) };
                }
                Client::Resolving { tries } => {
                    let open = row.is_some_and(Row::is_open);
                    self.clients[client] = if open {
                        Client::Away(tries)
                    } else {
                        Client::Waiting { tries, joined: false }
                    };
                }
                _ => {}
            }
        }
    }

    fn answered(&mut self, index: usize, fence: u64, settlement: Settlement, may_settle: bool, broken: Option<Broken>) {
        let work = self.apply_to(index, Event::Answered { fence, settlement }, broken);
        self.drive(index, work, may_settle);
    }

    fn observed(&mut self, index: usize, observation: Observation, may_settle: bool, broken: Option<Broken>) {
        let work = self.apply_to(index, Event::Observed { observation, may_settle }, broken);
        self.drive(index, work, false);
    }

    /// The process ends: what was written stays, and what was sent is sent.
    fn dies(&mut self) {
        self.drives = [Drive::Idle; 2];
        for client in &mut self.clients {
            *client = match *client {
                Client::Away(tries)
                | Client::Waiting { tries, .. }
                | Client::Floor { tries, .. }
                | Client::Origin { tries, .. }
                | Client::Settling { tries }
                | Client::Resolving { tries } => Client::Away(tries),
                Client::Served => Client::Served,
            };
        }
    }

    /// Lets time pass with nothing but alarms and a chain that can be read, until nothing is open.
    pub(crate) fn settle_down(&mut self, broken: Option<Broken>) {
        self.dies();
        for _ in 0..40 {
            self.block += 1;
            for index in 0..2 {
                if self.rows[index].as_deref().is_some_and(|row| self.is_due(row)) {
                    let mut work = self.apply_to(index, Event::Tick, broken);
                    while work != Work::None {
                        let event = match work {
                            Work::Observe => {
                                let (_, observation) = self.readings(index).into_iter().nth(1).unwrap();
                                Event::Observed {
                                    observation,
                                    may_settle: false,
                                }
                            }
                            Work::Settle { fence } => Event::Answered {
                                fence,
                                settlement: Settlement::Unclear,
                            },
                            Work::None => break,
                        };
                        work = self.apply_to(index, event, broken);
                    }
                }
            }
            let alarm = self.rows.iter().flatten().filter_map(|row| ledger::next_alarm(row)).min();
            match alarm {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
        }
    }
}
