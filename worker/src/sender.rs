//! The Durable Object of one gas key on one network: executes what `farthing::sender` says.
//!
//! Every decision is one synchronous step between reading and writing SQLite. Whoever waits for an order does any
//! work that is to be done, so that as much goes on at once as there are orders; the alarm does what nobody waits
//! for.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use farthing::{
    evm::{
        Address, B256, Call, Key, Transaction, Transfer,
        chain::{
            self, Unreadable, Wanted,
            sending::{self, Counted, DryRun, Landed, NOT_MOVED, Sent},
        },
        hex,
    },
    sender::{Event, Found, Head, Job, Outcome, PAYER_CODE, Sender as Core, Terms, Work, cap},
    x402::Network,
};

use crate::{
    ask::Endpoint,
    config,
    platform::{Platform, Result},
};

/// How long before an alarm that failed is tried again, in seconds.
const ALARM_RETRY_SECONDS: u32 = 30;
/// Work that one alarm does at most, so that it ends; the next one goes on.
const ALARM_WORK: usize = 500;
/// How long the endpoints are asked one thing after the other, in seconds: with the patience for the last answer it is
/// less than the core's with all of it.
const ASK_SECONDS: u64 = 14;
/// The tip where no node says what is usual, in wei: bounds of a tenth of the base fee.
const TIPS: (u64, u64) = (1_000_000, 2_000_000_000);

/// The sender of one gas key at one site, on one network.
#[derive(Debug)]
pub(crate) struct Sender {
    platform: Platform,
    open: RefCell<Option<Open>>,
    /// When the alarm comes, Unix seconds, as far as is known.
    armed: Cell<u64>,
    /// How many endpoints to pass over at first: the one that comes then is the last that was well.
    well: Cell<usize>,
}

#[derive(Debug)]
struct Open {
    core: Core,
    key: Option<Rc<Key>>,
    network: Network,
    account: Address,
    /// Whether there is a table.
    stored: bool,
    /// The name of the key's secret.
    secret: String,
}

/// What a payer's ledger asks.
struct Order {
    network: Network,
    secret: String,
    seconds: u64,
    job: Job,
}

impl Order {
    /// Four words and the job's.
    fn read(body: &str) -> Option<Self> {
        let mut words = body.splitn(4, ' ');
        Some(Self {
            network: words.next()?.parse().ok()?,
            secret: words.next()?.to_owned(),
            seconds: words.next()?.parse().ok()?,
            job: Job::read(words.next()?)?,
        })
    }
}

impl Sender {
    pub(crate) const fn new(platform: Platform) -> Self {
        Self {
            platform,
            open: RefCell::new(None),
            armed: Cell::new(0),
            well: Cell::new(0),
        }
    }

    /// Answers a call, by name; or does the alarm's work.
    pub(crate) async fn call(&self, call: &str, body: &str) -> Result<String> {
        let order = || Order::read(body).ok_or("the call cannot be read");
        match call {
            "settle" => self.settle(order()?).await,
            "verify" => self.verify(order()?).await,
            "alarm" => {
                self.alarm().await?;
                Ok(String::new())
            }
            _ => Err("unknown call".into()),
        }
    }

    /// Takes an order and waits for its outcome: `done` and the transaction, `refused` and the code, or nothing where it is not
    /// certain.
    async fn settle(&self, order: Order) -> Result<String> {
        self.open(Some(&order))?;
        let patience = self.platform.now().saturating_add(order.seconds);
        let mut outcome = self.with(|core, now| core.ask(order.job.clone(), now))?;
        while outcome.is_none() {
            if self.platform.now() >= patience {
                outcome = Some(Outcome::Unclear);
                break;
            }
            let work = self.next()?;
            // whatever becomes of this call, somebody goes on (threat B5)
            self.arm().await?;
            match work {
                Some(work) => self.do_work(work).await?,
                None => self.platform.wait(1).await?,
            }
            outcome = self.with(|core, _| core.outcome(&order.job))?;
        }
        Ok(match outcome {
            Some(Outcome::Done(hash)) => ["done ", &hex::print(hash.as_slice())].concat(),
            Some(Outcome::Refused(reason)) => ["refused ", &reason].concat(),
            _ => String::new(),
        })
    }

    /// Whether an order would go through now: `passes`, or `reverts` and the code, or nothing where nobody says.
    async fn verify(&self, order: Order) -> Result<String> {
        let account = self.open(Some(&order))?;
        let answer = self
            .dry_run(order.network, account, &order.job.call(), &order.job.wanted())
            .await;
        Ok(match answer {
            Some(DryRun::Passes(_)) => "passes".to_owned(),
            Some(DryRun::Reverts(reason)) => ["reverts ", reason].concat(),
            None => String::new(),
        })
    }

    /// The alarm's work. Never fails: the platform gives up on an alarm after six failures (threat B6).
    async fn alarm(&self) -> Result<()> {
        self.armed.set(0);
        if self.work_off().await.is_err() {
            self.platform.alarm(Some(ALARM_RETRY_SECONDS)).await?;
        }
        Ok(())
    }

    async fn work_off(&self) -> Result<()> {
        if !self.is_stored()? {
            return Ok(());
        }
        self.open(None)?;
        for _ in 0..ALARM_WORK {
            let Some(work) = self.next()? else { break };
            self.arm().await?;
            self.do_work(work).await?;
        }
        if self.with(|core, now| core.wake_at(now))?.is_none() {
            // nothing is left that anybody would ask for
            self.platform.clear();
            self.armed.set(0);
            *self.open.borrow_mut() = None;
            return Ok(());
        }
        self.arm().await
    }

    /// What is to be done now; it is on disk before it is begun.
    fn next(&self) -> Result<Option<Work>> {
        let key = self.open.borrow().as_ref().and_then(|open| open.key.clone());
        self.with(|core, now| core.next(now, &|transaction: &Transaction| transaction.sign(key.as_deref()?)))
    }

    /// One synchronous step: whatever changes is written before anything else happens.
    fn with<T>(&self, change: impl FnOnce(&mut Core, u64) -> T) -> Result<T> {
        let mut place = self.open.borrow_mut();
        let open = place.as_mut().ok_or("the sender is not open")?;
        let result = change(&mut open.core, self.platform.now());
        drop(place);
        self.store()?;
        Ok(result)
    }

    fn store(&self) -> Result<()> {
        let mut place = self.open.borrow_mut();
        let open = place.as_mut().ok_or("the sender is not open")?;
        for note in open.core.notes() {
            let (network, account) = (open.network.to_string(), open.account.to_string());
            // the account is for alerts: no line of the log takes it
            self.platform
                .say("gas", &[("what", note.name()), ("network", &network), ("account", &account)]);
        }
        let writes = open.core.writes();
        for write in writes {
            if let Err(failure) = open.write(&self.platform, &write.key, write.body.as_deref()) {
                // what is in memory is ahead of what is on disk, and goes
                *place = None;
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Sets the alarm, unless it comes early enough.
    async fn arm(&self) -> Result<()> {
        let now = self.platform.now();
        let Some(at) = self.with(|core, now| core.wake_at(now))? else {
            return Ok(());
        };
        let armed = self.armed.get();
        if armed > now && armed <= at {
            return Ok(());
        }
        self.armed.set(at);
        let seconds = u32::try_from(at.saturating_sub(now)).unwrap_or(u32::MAX);
        self.platform.alarm(Some(seconds)).await
    }

    async fn do_work(&self, work: Work) -> Result<()> {
        let event = self.perform(work).await?;
        let looked = matches!(event, Event::Headed { .. });
        let ended = self.with(|core, now| {
            let before = core.live();
            core.step(event, now);
            core.live() != before
        })?;
        // there may be work for many, or an outcome for some
        if looked || ended {
            self.platform.wake();
        }
        Ok(())
    }

    async fn perform(&self, work: Work) -> Result<Event> {
        let (network, account) = {
            let open = self.open.borrow();
            let open = open.as_ref().ok_or("the sender is not open")?;
            (open.network, open.account)
        };
        Ok(match work {
            Work::Head { ticket } => Event::Headed {
                ticket,
                head: self.head(network, account).await,
            },
            Work::DryRun {
                key,
                ticket,
                call,
                wanted,
            } => Event::Ran {
                key,
                ticket,
                result: self.dry_run(network, account, &call, &wanted).await,
            },
            Work::Send {
                nonce,
                ticket,
                hash,
                raw,
                before,
            } => Event::Answered {
                nonce,
                hash,
                ticket,
                answer: self.send(network, hash, &raw, before).await,
            },
            Work::Look {
                nonce,
                ticket,
                hashes,
                wanted,
            } => Event::Looked {
                nonce,
                ticket,
                found: self.receipts(network, &hashes, wanted.as_ref()).await,
            },
        })
    }

    /// Asks the network's endpoints, the one that was last well first, until `read` makes something of the answers of
    /// one; how many it passed over. An answer that never came is empty and the last: nobody waits for such a one twice.
    async fn ask(
        &self,
        network: Network,
        skip: usize,
        questions: &[Vec<u8>],
        read: &mut dyn FnMut(&[Vec<u8>]) -> bool,
    ) -> Option<usize> {
        let settings = config::settlement();
        let mut urls = settings.and_then(|settings| settings.rpc.get(&network).cloned())?;
        let skip = self.well.get().wrapping_add(skip).checked_rem(urls.len())?;
        urls.rotate_left(skip);
        let until = self.platform.now().saturating_add(ASK_SECONDS);
        for (passed, url) in urls.iter().enumerate() {
            let mut answers = Vec::new();
            for question in questions {
                if self.platform.now() >= until {
                    return None;
                }
                let endpoint = Endpoint {
                    platform: &self.platform,
                    url,
                };
                let answer = endpoint.ask_at_any_status(question.clone()).await;
                let hangs = answer.is_none();
                answers.push(answer.unwrap_or_default());
                if hangs {
                    break;
                }
            }
            if read(&answers) {
                return Some(passed);
            }
        }
        None
    }

    async fn head(&self, network: Network, account: Address) -> Option<Head> {
        let questions = [
            // the counts first: what is mined after them is looked at next time
            sending::ask_count(account, Counted::Mined),
            sending::ask_count(account, Counted::Pooled),
            sending::ask_balance(account),
            sending::ask_tip_fee(),
            chain::ask_latest_block(),
        ];
        let mut head = None;
        let mut read = |answers: &[Vec<u8>]| {
            head = head_of(answers).filter(|head| {
                let open = self.open.borrow();
                open.as_ref()
                    .is_some_and(|open| open.core.believes(head, self.platform.now()))
            });
            head.is_some()
        };
        // one that is too slow for all of it is not the first again either
        let passed = self.ask(network, 0, &questions, &mut read).await.unwrap_or(1);
        self.well.set(self.well.get().wrapping_add(passed));
        head
    }

    async fn dry_run(&self, network: Network, account: Address, call: &Call, wanted: &Wanted) -> Option<DryRun> {
        let mut questions = Vec::from([sending::ask_dry_run(account, call), sending::ask_code(wanted.from)]);
        if wanted.transfer == Transfer::Permit2 {
            questions.push(sending::ask_allowance(wanted.asset, wanted.from));
        }
        let mut result = None;
        let mut read = |answers: &[Vec<u8>]| {
            result = ran(answers, wanted);
            result.is_some()
        };
        self.ask(network, 0, &questions, &mut read).await;
        result
    }

    /// Gives a transaction to the first endpoint that says what becomes of it, another first each time. After one
    /// whose answer never came, no refusal of another is certain.
    async fn send(&self, network: Network, hash: B256, raw: &[u8], before: u32) -> Sent {
        let mut sent = Sent::Unclear;
        let mut lost = false;
        let mut read = |answers: &[Vec<u8>]| {
            let answer = answers
                .first()
                .map_or(Sent::Unclear, |answer| sending::read_sent(answer, hash));
            lost |= answer == Sent::Unclear;
            if answer == Sent::Taken || !lost {
                sent = answer;
            }
            sent != Sent::Unclear
        };
        let before = usize::try_from(before).unwrap_or_default();
        self.ask(network, before, &[sending::ask_to_send(raw)], &mut read).await;
        sent
    }

    async fn receipts(&self, network: Network, hashes: &[B256], wanted: Option<&Wanted>) -> Found {
        let questions: Vec<Vec<u8>> = hashes
            .iter()
            .map(|hash| chain::ask_receipt(&hex::print(hash.as_slice())))
            .collect();
        let mut found = Found::Unreadable;
        let mut read = |answers: &[Vec<u8>]| {
            let mut all = true;
            for (hash, answer) in hashes.iter().zip(answers) {
                match sending::read_landed(answer, wanted) {
                    Ok(Landed::Nowhere) => {}
                    Ok(landed) => {
                        found = Found::Landed { hash: *hash, landed };
                        return true;
                    }
                    Err(Unreadable) => all = false,
                }
            }
            if all {
                found = Found::Nowhere;
            }
            // another endpoint may be ahead
            false
        };
        self.ask(network, 0, &questions, &mut read).await;
        found
    }

    fn is_stored(&self) -> Result<bool> {
        let tables = self
            .platform
            .sql("SELECT count(*) FROM sqlite_master WHERE name = 'sent'", &[])?;
        Ok(tables.first().is_some_and(|count| count != "0"))
    }

    /// Opens it for an order's key and network, or for those that it was opened for before; its account.
    fn open(&self, order: Option<&Order>) -> Result<Address> {
        if let Some(open) = self.open.borrow().as_ref() {
            return Ok(open.account);
        }
        let stored = self.is_stored()?;
        let rows = if stored {
            self.platform.sql("SELECT key || char(10) || body FROM sent", &[])?
        } else {
            Vec::new()
        };
        let rows = || rows.iter().filter_map(|row| row.split_once('\n'));
        let told = rows().find(|(key, _)| *key == "self").and_then(|(_, body)| {
            let mut parts = body.split(' ');
            let network: Network = parts.next()?.parse().ok()?;
            let secret = parts.next()?.to_owned();
            Some((network, secret, hex::read(parts.next()?).map(Address::new)?))
        });
        let secret = order
            .map(|order| &order.secret)
            .or(told.as_ref().map(|(_, secret, _)| secret));
        let secret = secret.ok_or("whose sender this is cannot be read")?.clone();
        let key = self.platform.secret(&secret).and_then(|text| Key::take(text).ok());
        let (network, account) = match (&told, order, &key) {
            (Some((network, _, account)), ..) => (*network, *account),
            (None, Some(order), Some(key)) => (order.network, key.address()),
            _ => return Err("the gas key cannot be used".into()),
        };
        let chain_id = network.chain_id();
        let terms = Terms {
            chain_id,
            account,
            most: cap(chain_id),
        };
        // where the secret holds another key by now, nothing more is sent for this one
        let key = key.filter(|key| key.address() == account).map(Rc::new);
        *self.open.borrow_mut() = Some(Open {
            core: Core::load(terms, rows()),
            key,
            network,
            account,
            stored,
            secret,
        });
        Ok(account)
    }
}

impl Open {
    fn write(&mut self, platform: &Platform, key: &str, body: Option<&str>) -> Result<()> {
        const PUT: &str = "INSERT INTO sent (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body";
        let Some(body) = body else {
            if self.stored {
                platform.sql("DELETE FROM sent WHERE key = ?", &[key])?;
            }
            return Ok(());
        };
        if !self.stored {
            platform.sql(
                "CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY, body TEXT NOT NULL)",
                &[],
            )?;
            let told = format!("{} {} {}", self.network, self.secret, self.account);
            platform.sql(PUT, &["self", &told])?;
            self.stored = true;
        }
        platform.sql(PUT, &[key, body]).map(drop)
    }
}

/// What a dry run's answers say, the allowance after it where that was asked for.
fn ran(answers: &[Vec<u8>], wanted: &Wanted) -> Option<DryRun> {
    let result = sending::read_dry_run(answers.first()?).ok()?;
    if matches!(result, DryRun::Passes(_)) && sending::read_has_code(answers.get(1)?).ok()? {
        return Some(DryRun::Reverts(PAYER_CODE));
    }
    // Permit2 does not say which of the two is missing
    if let (DryRun::Reverts(NOT_MOVED), Some(allowance)) = (result, answers.get(2)) {
        let approved = sending::read_word(allowance).ok()? >= wanted.value.atomic();
        return Some(DryRun::Reverts(if approved { sending::FUNDS } else { sending::ALLOWANCE }));
    }
    Some(result)
}

fn head_of(answers: &[Vec<u8>]) -> Option<Head> {
    let [mined, pooled, balance, tip, block] = answers else {
        return None;
    };
    let block = sending::read_tip(block).ok()?;
    let mined = sending::read_number(mined).ok()?;
    let usual = || block.base_fee.checked_div(10).unwrap_or_default().clamp(TIPS.0, TIPS.1);
    Some(Head {
        number: block.number,
        time: block.time,
        base_fee: block.base_fee,
        tip_fee: sending::read_number(tip).unwrap_or_else(|_| usual()),
        mined,
        pooled: sending::read_number(pooled).ok()?.max(mined),
        balance: sending::read_wei(balance).ok()?,
    })
}
