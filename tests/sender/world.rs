//! The sender, its executor and its payers, and what has to be true of them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use farthing::{
    evm::{
        Address, B256, Sealed, Transaction, Transfer, U256,
        chain::sending::{Landed, Sent},
    },
    sender::{Event, Found, Job, Note, Outcome, Sender, Terms, Work},
};

use super::{
    Chance, Mistake, Setting,
    node::{Fate, Node, START, Tx},
};

const ACCOUNT: Address = Address::repeat_byte(9);
const TERMS: Terms = Terms {
    chain_id: 84532,
    account: ACCOUNT,
    most: 1_000_000_000,
};
const JOBS: usize = 6;

/// What was seen in all worlds together.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) paid: usize,
    pub(crate) refused: usize,
    pub(crate) unclear: usize,
    pub(crate) crashes: usize,
    pub(crate) elsewhere: usize,
    pub(crate) dropped: usize,
    pub(crate) reorgs: usize,
    pub(crate) replaced: usize,
    pub(crate) cancelled: usize,
}

impl Seen {
    pub(crate) fn add(&mut self, world: &World<'_>) {
        self.crashes += world.crashes;
        self.elsewhere += world.node.elsewhere;
        self.dropped += world.node.dropped;
        self.reorgs += world.node.reorgs;
        let made = world.made.borrow();
        self.cancelled += made.values().filter(|tx| tx.job.is_none()).count();
        let nonces: BTreeSet<(u64, Option<usize>)> = made.values().map(|tx| (tx.nonce, tx.job)).collect();
        self.replaced += made.len() - nonces.len();
        for (job, _) in world.jobs.iter().zip(&world.asked).filter(|(_, asked)| **asked) {
            match world.sender.outcome(job) {
                Some(Outcome::Done(_)) => self.paid += 1,
                Some(Outcome::Refused(_)) => self.refused += 1,
                _ => self.unclear += 1,
            }
        }
    }
}

pub(crate) struct World<'a> {
    setting: &'a Setting,
    mistake: Option<Mistake>,
    now: u64,
    sender: Sender,
    disk: BTreeMap<String, String>,
    pub(crate) node: Node,
    jobs: Vec<Job>,
    asked: Vec<bool>,
    /// Handed out, and not begun.
    work: Vec<Work>,
    /// What came of work, on its way to the sender.
    news: Vec<Event>,
    /// Every transaction ever signed.
    made: RefCell<BTreeMap<B256, Tx>>,
    crashes: usize,
    /// Everything works.
    calm: bool,
    notes: Vec<Note>,
}

impl<'a> World<'a> {
    pub(crate) fn new(setting: &'a Setting, mistake: Option<Mistake>, nonce: usize) -> Self {
        let job = |index: usize| Job {
            asset: Address::repeat_byte(1),
            payer: Address::with_last_byte(10 + (index / 2) as u8),
            pay_to: Address::repeat_byte(3),
            amount: "50000".parse().unwrap(),
            nonce: B256::from(U256::from(index)),
            valid_before: START + 60 + 60 * index as u64,
            transfer: Transfer::Eip3009,
            to: Address::repeat_byte(1),
            data: format!("0x{index:02x}"),
        };
        let jobs: Vec<Job> = (0..JOBS).map(job).collect();
        let windows = jobs.iter().map(|job| job.valid_before).collect();
        let balance = if setting.poor { 600_000 * 2_000_000 } else { 1 << 90 };
        Self {
            setting,
            mistake,
            now: START,
            sender: Sender::new(TERMS),
            disk: BTreeMap::new(),
            node: Node::new(nonce as u64, windows, balance),
            asked: vec![false; JOBS],
            jobs,
            work: Vec::new(),
            news: Vec::new(),
            made: RefCell::default(),
            crashes: 0,
            calm: false,
            notes: Vec::new(),
        }
    }

    pub(crate) fn asks(&mut self, chance: &mut Chance) {
        let index = chance.below(JOBS);
        // whoever was told the truth does not ask again
        if !matches!(self.sender.outcome(&self.jobs[index]), Some(Outcome::Done(_))) || self.setting.reorgs {
            self.asked[index] = true;
            self.sender.ask(self.jobs[index].clone(), self.now);
            self.stores();
        }
    }

    fn stores(&mut self) {
        for write in self.sender.writes() {
            match write.body {
                _ if self.mistake == Some(Mistake::SendsBeforeItStores) => {}
                Some(body) => drop(self.disk.insert(write.key, body)),
                None => drop(self.disk.remove(&write.key)),
            }
        }
        self.notes.extend(self.sender.notes());
    }

    /// Whether there is any.
    pub(crate) fn takes_work(&mut self) -> bool {
        let made = &self.made;
        let seal = |transaction: &Transaction| {
            let mut hasher = DefaultHasher::new();
            let (nonce, tip, fee, gas) = (transaction.nonce, transaction.tip, transaction.fee, transaction.gas);
            (nonce, tip, fee, gas, &transaction.call.data).hash(&mut hasher);
            let hash = B256::from(U256::from(hasher.finish()));
            let job = transaction.call.data.first().map(|index| usize::from(*index));
            let tx = Tx {
                hash,
                nonce,
                tip,
                fee,
                gas,
                job,
                foreign: false,
            };
            made.borrow_mut().insert(hash, tx);
            Some(Sealed { hash, raw: Vec::new() })
        };
        let work = self.sender.next(self.now, &seal);
        let any = work.is_some();
        self.work.extend(work);
        self.stores();
        any
    }

    pub(crate) fn does_work(&mut self, chance: &mut Chance) {
        if self.work.is_empty() {
            return;
        }
        let work = self.work.swap_remove(chance.below(self.work.len()));
        let fails = !self.calm && chance.in_thousand(100);
        let event = match work {
            Work::Head { ticket } => Event::Headed {
                ticket,
                head: (!fails).then(|| self.node.head()),
            },
            Work::DryRun { key, ticket, call, .. } => Event::Ran {
                key,
                ticket,
                result: (!fails).then(|| self.node.dry_run(call.data[0].into())),
            },
            Work::Send {
                nonce,
                ticket,
                hash,
                before,
                ..
            } => {
                let tx = self.made.borrow()[&hash].clone();
                let mut answer = self.sends(&tx, chance);
                if self.mistake == Some(Mistake::SendsOnce) && before > 0 {
                    answer = Sent::Taken;
                }
                if self.mistake == Some(Mistake::SilenceIsARefusal) && answer == Sent::Unclear {
                    answer = Sent::NoFunds;
                }
                Event::Answered {
                    nonce,
                    hash,
                    ticket,
                    answer,
                }
            }
            Work::Look {
                nonce,
                ticket,
                hashes,
                wanted,
            } => {
                let found = hashes.into_iter().find_map(|hash| {
                    let tx = &self.made.borrow()[&hash];
                    let landed = self.node.landed(hash, wanted.is_some() && tx.job.is_some());
                    (landed != Landed::Nowhere).then_some((hash, landed))
                });
                let found = match (found, self.mistake) {
                    _ if fails => Found::Unreadable,
                    (_, Some(Mistake::LooksForNoReceipt)) => Found::Nowhere,
                    (Some((hash, Landed::Reverted(block))), Some(Mistake::BelievesReverts)) => Found::Landed {
                        hash,
                        landed: Landed::Paid(block),
                    },
                    (Some((hash, landed)), _) => Found::Landed { hash, landed },
                    (None, _) => Found::Nowhere,
                };
                Event::Looked { nonce, ticket, found }
            }
        };
        self.news.push(event);
    }

    /// One try to give a transaction to the node.
    fn sends(&mut self, tx: &Tx, chance: &mut Chance) -> Sent {
        if self.mistake == Some(Mistake::SendsOnce) && self.node.carried.contains_key(&tx.nonce) {
            return Sent::Taken;
        }
        match chance.below(100) {
            _ if self.calm => self.node.takes(tx),
            // taken, and swallowed
            0..10 => {
                self.node.is_taken(tx);
                self.node.dropped += 1;
                Sent::Taken
            }
            // taken, and the answer is lost
            10..16 => {
                self.node.takes(tx);
                Sent::Unclear
            }
            // kept for later, and no answer
            16..20 => {
                self.node.is_taken(tx);
                self.node.held.push(tx.clone());
                Sent::Unclear
            }
            // never arrived
            20..24 => Sent::Unclear,
            _ => self.node.takes(tx),
        }
    }

    pub(crate) fn hears(&mut self, chance: &mut Chance) {
        if self.news.is_empty() {
            return;
        }
        let event = self.news.swap_remove(chance.below(self.news.len()));
        if chance.in_thousand(950) {
            self.sender.step(event, self.now);
            self.stores();
        }
    }

    /// The executor is gone, with everything that it had not stored; what it was sending may be on its way.
    pub(crate) fn crashes(&mut self, chance: &mut Chance) {
        self.crashes += 1;
        self.news.clear();
        for work in std::mem::take(&mut self.work) {
            if let Work::Send { hash, .. } = work {
                let tx = self.made.borrow()[&hash].clone();
                match chance.below(3) {
                    0 => {}
                    1 => {
                        self.node.is_taken(&tx);
                        self.node.held.push(tx);
                    }
                    _ => drop(self.node.takes(&tx)),
                }
            }
        }
        let rows: Vec<(String, String)> = self.disk.clone().into_iter().collect();
        self.sender = Sender::load(TERMS, rows.iter().map(|(key, body)| (key.as_str(), body.as_str())));
    }

    pub(crate) fn time_passes(&mut self, seconds: u64) {
        self.now += seconds;
        // clocks agree, more or less
        self.now = self.now.max(self.node.time);
    }

    pub(crate) fn others_act(&mut self, chance: &mut Chance) {
        let job = chance.below(JOBS);
        match chance.below(3) {
            0 => self.node.is_used_elsewhere(chance),
            1 => self.node.funds[job] = !self.node.funds[job],
            _ if self.node.fates[job] == Fate::Unused => self.node.fates[job] = Fate::UsedByOthers,
            _ => {}
        }
    }

    /// Everywhere a transaction of a job may still land from: pools, hands, and work not begun.
    fn alive(&self, job: usize) -> BTreeSet<u64> {
        let made = self.made.borrow();
        let to_send = self.work.iter().filter_map(|work| match work {
            Work::Send { hash, .. } => made.get(hash),
            _ => None,
        });
        let all = self.node.pool.values().chain(&self.node.held).chain(to_send);
        all.filter(|tx| tx.job == Some(job) && tx.nonce >= self.node.mined)
            .map(|tx| tx.nonce)
            .collect()
    }

    /// What is true at every moment.
    pub(crate) fn judge(&self) -> Result<(), String> {
        for (index, job) in self.jobs.iter().enumerate() {
            if self.setting.reorgs {
                continue;
            }
            if self.alive(index).len() > 1 {
                return Err(format!(
                    "authorization {index} is under way with nonces {:?}",
                    self.alive(index)
                ));
            }
            match self.sender.outcome(job) {
                Some(Outcome::Done(hash)) if self.node.fates[index] != Fate::Paid(hash) => {
                    return Err(format!(
                        "authorization {index} is said to be paid: {:?}",
                        self.node.fates[index]
                    ));
                }
                Some(Outcome::Refused(reason)) => {
                    let alive = self.alive(index);
                    if !alive.is_empty() && self.node.fates[index] == Fate::Unused && self.node.time < job.valid_before {
                        return Err(format!(
                            "authorization {index} is refused ({reason}) and under way with {alive:?}"
                        ));
                    }
                    if let Fate::Paid(_) = self.node.fates[index] {
                        return Err(format!("authorization {index} is refused ({reason}) and paid"));
                    }
                }
                _ => {}
            }
        }
        if let Some(job) = self.node.wasted.filter(|_| !self.setting.reorgs) {
            return Err(format!("authorization {job} landed twice"));
        }
        if let Some(nonce) = self.node.mixed.filter(|_| !self.setting.reorgs) {
            return Err(format!("nonce {nonce} carried {:?}", self.node.carried[&nonce]));
        }
        Ok(())
    }

    /// One second of a world in which everything works.
    fn works(&mut self, chance: &mut Chance) {
        self.calm = true;
        self.now = self.now.max(self.node.time) + 1;
        for _ in 0..40 {
            if !self.takes_work() && self.work.is_empty() {
                break;
            }
            while !self.work.is_empty() {
                self.does_work(chance);
            }
            for event in std::mem::take(&mut self.news) {
                self.sender.step(event, self.now);
                self.stores();
            }
        }
        if self.now.is_multiple_of(2) {
            self.node.mines(chance);
        }
    }

    /// Left alone on a chain that works, everything ends, and the key can settle again.
    pub(crate) fn ends(&mut self, chance: &mut Chance) -> Result<(), String> {
        self.news.clear();
        self.node.balance += 1 << 90;
        // what others hold is passed on, sooner or later
        while !self.node.held.is_empty() {
            self.node.releases(chance);
        }
        let asked: Vec<usize> = (0..JOBS).filter(|job| self.asked[*job]).collect();
        // payers come back, and who can still pay is settled
        let in_time = |job: &usize| self.jobs[*job].valid_before > self.now + 90;
        let in_time: Vec<usize> = asked.iter().copied().filter(in_time).collect();
        for job in &in_time {
            self.sender.ask(self.jobs[*job].clone(), self.now);
        }
        for _ in 0..1200 {
            self.works(chance);
            self.judge()?;
            if asked.iter().all(|job| self.sender.outcome(&self.jobs[*job]).is_some()) {
                break;
            }
        }
        for job in in_time.into_iter().filter(|_| !self.setting.others) {
            let Fate::Paid(_) = self.node.fates[job] else {
                return Err(format!("authorization {job} was not settled in time: {:?}", self.sender));
            };
        }
        for job in asked {
            match (self.sender.outcome(&self.jobs[job]), self.node.fates[job]) {
                (None, _) => return Err(format!("authorization {job} never ends: {:?}", self.sender)),
                (Some(Outcome::Done(hash)), fate) if fate != Fate::Paid(hash) => {
                    return Err(format!("authorization {job} is said to be paid, and in the end is {fate:?}"));
                }
                (Some(Outcome::Refused(reason)), Fate::Paid(_)) => {
                    return Err(format!("authorization {job} is refused ({reason}), and in the end is paid"));
                }
                _ => {}
            }
        }
        self.settles_one_more(chance)
    }

    /// A new payer is settled within two minutes: no nonce stands in the way.
    fn settles_one_more(&mut self, chance: &mut Chance) -> Result<(), String> {
        let index = self.jobs.len();
        self.jobs.push(Job {
            payer: Address::repeat_byte(0xee),
            nonce: B256::from(U256::from(index)),
            valid_before: self.now + 600,
            data: format!("0x{index:02x}"),
            ..self.jobs[0].clone()
        });
        let job = self.jobs[index].clone();
        // what was last seen of the chain is of other times
        self.now += 10;
        self.node.fates.push(Fate::Unused);
        self.node.funds.push(true);
        self.node.valid_before.push(job.valid_before);
        self.sender.ask(job.clone(), self.now);
        for _ in 0..240 {
            self.works(chance);
            self.judge()?;
            if let Some(outcome) = self.sender.outcome(&job) {
                let paid = matches!(outcome, Outcome::Done(hash) if self.node.fates[index] == Fate::Paid(hash));
                return if paid {
                    Ok(())
                } else {
                    Err(format!("a new payment ends as {outcome:?}: {:?}", self.sender))
                };
            }
        }
        Err(format!(
            "a nonce stands in the way of a new payment: mined {}, pool {:?}, {:?}",
            self.node.mined, self.node.pool, self.sender
        ))
    }
}
