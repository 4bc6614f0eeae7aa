//! The Durable Object: executes what the core decides, waits, and re-arms its alarm.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use farthing::{
    evm::chain::Wanted,
    ledger::{
        self, Claim, Event, Floor, Intent, Observation, Owned, Payer, Phase, REFUSED_SECONDS, Read, Reply, Row,
        SCREENING_RETRY_SECONDS, SETTLE_SLACK_SECONDS, Screened, Settlement, Standing, Terms, Verdict as Word, Work,
    },
    money::Amount,
    problem::Problem,
    route::Settlement as Settings,
    x402::{Network, v2::Scheme},
};

use crate::{
    ask::{self, Lookup},
    books,
    budget::{BUDGET_SECONDS, Budget},
    calls::{Named, Owner, Question, Revoked, View},
    config, mine,
    platform::{Platform, Result},
    quota,
    rows::{Rows, SCREENED},
    scan::{self, Scan},
};

/// How long before an alarm that failed is tried again, in seconds.
const ALARM_RETRY_SECONDS: u32 = 30;

/// One payer's ledger at one site.
#[derive(Debug)]
pub(crate) struct Ledger {
    platform: Platform,
    rows: Rows,
    /// Authorizations that somebody is finding out about right now.
    resolving: RefCell<HashSet<String>>,
    /// Payments that are being verified right now, by digest, and what comes of it.
    verifying: RefCell<HashMap<String, Verdict>>,
    budget: RefCell<Budget>,
    /// What the screening service said of the payer, by network; none where it is being asked.
    screened: RefCell<Vec<(Network, Option<Word>)>>,
    /// When the alarm will come, Unix seconds, where this object has set it.
    armed: Cell<Option<u64>>,
    /// How often it has set the alarm.
    arming: Cell<u32>,
}

/// A refusal, or none, once it is known.
type Verdict = Rc<RefCell<Option<Option<Reply>>>>;

fn timeout() -> u64 {
    config::settlement().map_or(0, |settings| settings.timeout_seconds)
}

/// What is noted of a payer under this name was said by the screening service.
fn word_of(network: Network) -> String {
    [SCREENED, &network.to_string()].concat()
}

/// What the settings mean for one payment.
fn terms(intent: &Intent) -> Terms {
    let settings = config::settlement();
    Terms {
        timeout: settings.as_ref().map_or(0, |settings| settings.timeout_seconds),
        confirmations: intent.confirmations,
        readable: settings.is_some_and(|settings| settings.rpc.contains_key(&intent.network)),
    }
}

fn wanted(intent: &Intent, charged: Amount) -> Wanted {
    Wanted {
        asset: intent.asset,
        from: intent.payer,
        to: intent.pay_to,
        value: charged,
        promised: intent.amount,
        nonce: intent.nonce,
        transfer: intent.transfer,
        scheme: if intent.metered.is_some() {
            Scheme::Upto
        } else {
            Scheme::Exact
        },
    }
}

/// Reads what our own shim and gate wrote.
fn read<T: Read>(json: &str) -> Result<T> {
    T::read(json).ok_or_else(|| "the call cannot be read".into())
}

impl Ledger {
    /// The ledger over an object's storage.
    pub(crate) fn new(platform: Platform) -> Self {
        let rows = Rows::open(platform.clone());
        Self {
            platform,
            rows,
            resolving: RefCell::default(),
            verifying: RefCell::default(),
            budget: RefCell::default(),
            screened: RefCell::default(),
            armed: Cell::new(None),
            arming: Cell::new(0),
        }
    }

    /// Answers one of the gate's calls, by name; bodies and answers are JSON. Or does the alarm's work.
    pub(crate) async fn call(&self, call: &str, body: &str) -> Result<String> {
        let revoked = Revoked::of_call(body);
        let reply = match call {
            "claim" => self.claim(read(body)?, &revoked).await?,
            "settle" => self.settle(read(body)?).await?,
            "release" => self.release(&read(body)?)?,
            "owned" => self.owned(&read(body)?, &revoked)?,
            "signIn" => self.sign_in(&read(body)?, &revoked)?,
            "spend" => self.spend(&read(body)?, &revoked)?,
            "receipt" => {
                if let Some(standing) = self.standing(&read(body)?)? {
                    return Ok(standing);
                }
                Reply::refuse(Problem::NoSuchEndpoint, "")
            }
            "prove" => {
                let counted = mine::prove(&self.platform, &self.rows, &read(body)?);
                self.arm().await?;
                return counted;
            }
            "tell" => return mine::tell(&self.platform, &self.rows).await,
            "erase" => {
                let answer = mine::erase(&self.platform, &self.rows, &read(body)?).await;
                self.arm().await?;
                return answer;
            }
            "stray" => return self.stray(read(body)?).await,
            "scan" => return self.scan().await,
            "lease" => {
                let settings = config::settlement().ok_or("nothing is configured")?;
                return quota::grant(&self.platform, settings.settlements_per_day, body);
            }
            "delivered" => return self.told(body, Event::Delivered),
            "broken" => return self.told(body, Event::Broken),
            "unanswered" => return self.told(body, Event::Unanswered),
            "alarm" => {
                self.alarm().await?;
                return Ok(String::new());
            }
            _ => return Err("unknown call".into()),
        };
        let reply = self.shelved(reply, &revoked);
        serde_json::to_string(&reply).map_err(|_| "a reply cannot be written".into())
    }

    /// Says which other pass makes room for this one; nothing where storage fails, for the article is paid for.
    fn shelved(&self, mut reply: Reply, revoked: &Revoked) -> Reply {
        if let Reply::Deliver(grant) = &mut reply {
            // an article's own pass is one of many; a time pass is not among them
            if grant.until.is_some() && grant.pass.is_none() {
                grant.shelf = self.rows.shelf(&grant.resource).unwrap_or_default();
            }
            grant.left = self.rows.left_of(&grant.receipt, self.now(), revoked).unwrap_or_default();
        }
        reply
    }

    /// The alarm's work. Never fails: the platform gives up on an alarm after six failures (threat B6).
    async fn alarm(&self) -> Result<()> {
        self.armed.set(None);
        if self.work_off().await.is_err() {
            self.platform.alarm(Some(ALARM_RETRY_SECONDS)).await?;
        }
        Ok(())
    }
}

impl Ledger {
    /// Unix seconds.
    fn now(&self) -> u64 {
        self.platform.now()
    }

    /// A payment arrived: decide, and wait where the decision says so.
    async fn claim(&self, intent: Intent, revoked: &Revoked) -> Result<Reply> {
        let key = intent.key();
        let patience = self.now().saturating_add(timeout()).saturating_add(SETTLE_SLACK_SECONDS);
        let mut joined = false;
        let mut verified = false;
        let mut screened = None;
        loop {
            let left = patience.saturating_sub(self.now());
            let Some(claim) = self.decide(&intent, &key, (verified, screened), revoked)? else {
                if quota::lease(&self.platform).await? {
                    continue;
                }
                let tomorrow = ledger::until_tomorrow(self.now());
                return Ok(Reply::refuse_for_now(Problem::DailyLimit, &intent.resource, tomorrow));
            };
            match claim {
                Claim::Won(row) => {
                    self.arm().await?;
                    self.read_floor(&intent, &key, row.fence).await?;
                    let fence = row.fence;
                    if intent.upfront {
                        return self
                            .settle(Owner {
                                key,
                                fence,
                                overrides: None,
                            })
                            .await;
                    }
                    return Ok(Reply::Fetch { key, fence });
                }
                // who joined is told to come back: one origin fetch serves one request (threat A1)
                Claim::Reply(Reply::Deliver(_)) if joined => return Ok(Reply::pending(&intent.resource, 1)),
                Claim::Reply(reply) => {
                    if matches!(reply, Reply::Deliver(_)) {
                        self.apply(&key, Event::Answering)?;
                    }
                    return Ok(reply);
                }
                Claim::Owned => return self.again(&intent, revoked).await,
                Claim::Screen if left == 0 => {
                    let problem = Problem::ScreeningUnavailable;
                    return Ok(Reply::refuse_for_now(problem, &intent.resource, SCREENING_RETRY_SECONDS));
                }
                Claim::Screen => screened = self.screen(&intent, left).await?,
                Claim::Verify => match self.verify(&intent, left).await? {
                    // a twin that was verified first may have begun, or ended, since: its row says how
                    Some(refusal) if !self.is_known(&intent, &key)? => return Ok(refusal),
                    answer => verified = answer.is_none(),
                },
                Claim::Resolve if !self.resolving.borrow().contains(&key) => {
                    let work = self.apply(&key, Event::Tick)?;
                    self.drive(&key, work, true).await?;
                    if self.rows.get(&key)?.is_some_and(|row| row.is_open()) {
                        return self.pending(&intent, &key);
                    }
                }
                Claim::Join | Claim::WaitForOther | Claim::Resolve if left == 0 => return self.pending(&intent, &key),
                Claim::Join | Claim::Resolve => {
                    joined = true;
                    self.wait(left).await?;
                }
                Claim::WaitForOther => {
                    self.wait(left).await?;
                }
            }
        }
    }

    /// Whether this very payment has a row.
    fn is_known(&self, intent: &Intent, key: &str) -> Result<bool> {
        Ok(self.rows.get(key)?.is_some_and(|row| row.intent.digest == intent.digest))
    }

    /// Has the payer screened: what the claim that asked goes on with. Claims that come meanwhile wait for the one answer, and look for
    /// it where it is kept.
    async fn screen(&self, intent: &Intent, patience: u64) -> Result<Option<Screened>> {
        let network = intent.network;
        if self.said(network) == Some(None) {
            self.wait(patience).await?;
            return Ok(None);
        }
        let Some(settings) = config::settlement() else {
            return Ok(None);
        };
        let Some(screener) = &settings.screener else {
            return Ok(None);
        };
        self.note_said(network, None);
        let word = ask::screen(&self.platform, screener, intent, patience).await;
        self.note_said(network, Some(word));
        self.platform.wake();
        // strangers leave nothing behind (threat B8): of a new payer it is kept with the first payment
        if self.rows.exist()? {
            self.keep_word(network)?;
        }
        Ok(word.at(screener, self.now()))
    }

    /// What is known of a payer: said lately, or kept from before.
    fn screened(&self, network: Network) -> Result<Screened> {
        let Some(settings) = config::settlement() else {
            return Ok(Screened::Unknown(SCREENING_RETRY_SECONDS));
        };
        let Some(screener) = &settings.screener else {
            return Ok(Screened::Allowed);
        };
        let now = self.now();
        let word = match self.said(network) {
            Some(word) => word,
            None => {
                let kept = self.rows.note(&word_of(network))?.and_then(|text| Word::kept(&text));
                if kept.is_some() {
                    self.note_said(network, kept);
                }
                kept
            }
        };
        Ok(word.and_then(|word| word.at(screener, now)).unwrap_or(Screened::Unasked))
    }

    /// What was said on a network as far as this instance knows; none of it where the service is being asked.
    fn said(&self, network: Network) -> Option<Option<Word>> {
        let all = self.screened.borrow();
        all.iter().find(|(known, _)| *known == network).map(|(_, word)| *word)
    }

    fn note_said(&self, network: Network, word: Option<Word>) {
        let mut all = self.screened.borrow_mut();
        match all.iter_mut().find(|(known, _)| *known == network) {
            Some((_, known)) => *known = word,
            None => all.push((network, word)),
        }
    }

    /// Keeps what was said of the payer, for when this object has been away.
    fn keep_word(&self, network: Network) -> Result<()> {
        match self.said(network).flatten().and_then(|word| word.write()) {
            Some(text) => self.rows.set_note(&word_of(network), &text),
            None => Ok(()),
        }
    }

    /// Has the facilitator verify a payment; the refusal, if it does not hold. Twins get one answer, and a
    /// payer has few (threat B8).
    async fn verify(&self, intent: &Intent, patience: u64) -> Result<Option<Reply>> {
        let under_way = self.verifying.borrow().get(&intent.digest).cloned();
        if let Some(answer) = under_way {
            self.wait(patience).await?;
            // without an answer in time, nothing is known
            let answer = answer.borrow().clone();
            return Ok(answer.unwrap_or_else(|| Some(Reply::pending(&intent.resource, 2))));
        }
        let now = self.now();
        let Some(settings) = config::settlement() else {
            return Ok(Some(Reply::refuse(Problem::NotConfigured, &intent.resource)));
        };
        if !self.budget.borrow_mut().take(&intent.address, now) {
            self.platform.say("limit", &[("limit", "checks-per-minute")]);
            return Ok(Some(Reply::refuse_for_now(
                Problem::TooManyRequests,
                &intent.resource,
                BUDGET_SECONDS,
            )));
        }
        let answer = Rc::new(RefCell::new(None));
        self.verifying.borrow_mut().insert(intent.digest.clone(), answer.clone());
        let refusal = ledger::unverified(ask::verify(&self.platform, &settings, intent).await.as_ref(), intent);
        *answer.borrow_mut() = Some(refusal.clone());
        self.verifying.borrow_mut().remove(&intent.digest);
        self.platform.wake();
        Ok(refusal)
    }

    /// Notes where the chain stands, so that an older transfer of this authorization is known as one
    /// (threat A16). A nonce that was made for this offer has no past.
    async fn read_floor(&self, intent: &Intent, key: &str, fence: u64) -> Result<()> {
        if let (false, Some(settings)) = (intent.tagged, config::settlement())
            && let Some(floor) = ask::latest_block(&self.platform, &settings, intent.network).await
        {
            self.apply(key, Event::Floor { fence, floor })?;
        }
        Ok(())
    }

    /// The synchronous step: read, decide, write.
    fn decide(
        &self,
        intent: &Intent,
        key: &str,
        (verified, screened): (bool, Option<Screened>),
        revoked: &Revoked,
    ) -> Result<Option<Claim>> {
        let now = self.now();
        let view = View {
            on: &intent.only_on(),
            revoked,
        };
        let same = self.rows.get(key)?;
        // its row is gone, not what became of it: the header is public by now (threats A16, G7)
        if same.is_none() && self.rows.was_erased(key)? {
            return Ok(Some(Claim::Reply(Reply::refuse(Problem::AlreadyUsed, &intent.resource))));
        }
        let owned = self.rows.owned(&intent.resource, &intent.passes, &view, now)?;
        let credit = self.credit(intent, &view, now)?;
        let named = match &intent.identifier {
            Some(id) => self.rows.named(id, key)?,
            None => None,
        };
        let payer = Payer {
            same: same.as_ref(),
            named: named.as_ref(),
            other_open: self.rows.other_open(&intent.resource, &self.needless_after(intent), key)?,
            open: self.rows.open_count(key)?,
            refused: self.rows.refused_since(now.saturating_sub(REFUSED_SECONDS), key)?,
            owned: owned.as_ref(),
            credit: credit.as_ref(),
            verified,
            screened: match screened {
                Some(screened) => screened,
                None => self.screened(intent.network)?,
            },
        };
        let claim = ledger::claim(payer, intent, now);
        // what could not be begun today is not asked about: strangers with ever new accounts would run up its bill (threat B8)
        if matches!(claim, Claim::Won(_) | Claim::Screen) && !quota::take(now) {
            return Ok(None);
        }
        if claim == Claim::Screen {
            quota::give(now);
        }
        if let Claim::Won(row) = &claim {
            self.rows.spare(key)?;
            self.rows.put(same.as_ref(), row)?;
            self.keep_word(intent.network)?;
        }
        Ok(Some(claim))
    }

    /// A bundle of the kind that is bought which opens the article: the payer paid for one already, and has not used it up.
    fn credit(&self, intent: &Intent, view: &View<'_>, now: u64) -> Result<Option<Owned>> {
        let Some(name) = intent.bundle() else {
            return Ok(None);
        };
        let bundles = self.rows.bundles(&[name.to_owned()], &intent.resource, view, now)?;
        Ok(ledger::from_which(&bundles).map(|bundle| bundle.owned.clone()))
    }

    /// Which wider offers would make this payment needless, were they settled: time passes that open the article, and what it buys
    /// itself. Of two tabs only one pays.
    fn needless_after(&self, intent: &Intent) -> Vec<String> {
        let own = intent.offer.iter().map(|offer| &offer.name);
        intent.passes.iter().chain(own).cloned().collect()
    }

    fn pending(&self, intent: &Intent, key: &str) -> Result<Reply> {
        Ok(ledger::pending(self.rows.get(key)?.as_ref(), intent, self.now()))
    }

    /// A new authorization of a payer who owns the article: nothing is settled. It has to be shown
    /// that it is new, because one that was ever used is public (threat A16).
    async fn again(&self, intent: &Intent, revoked: &Revoked) -> Result<Reply> {
        // who asks too often is asked to wait, and not told that a fresh payment is an old one
        if !intent.tagged && !self.budget.borrow_mut().take(&intent.address, self.now()) {
            return Ok(Reply::refuse_for_now(
                Problem::TooManyRequests,
                &intent.resource,
                BUDGET_SECONDS,
            ));
        }
        let fresh = intent.tagged || self.is_unused(intent).await;
        let now = self.now();
        let view = View {
            on: &intent.only_on(),
            revoked,
        };
        let mut owned = self.rows.owned(&intent.resource, &intent.passes, &view, now)?;
        if let (None, true, Some(name), Some(seconds)) = (&owned, fresh, intent.bundle(), intent.seconds) {
            // who signs for a bundle that is not used up wants this article, and keeps the money
            owned = self.open(&[name.to_owned()], &intent.resource, &view, seconds, now)?;
        }
        Ok(match owned {
            Some(owned) if fresh => Reply::deliver_owned(&owned, intent.tagged, intent.contract),
            _ => Reply::refuse(Problem::AlreadyOwned, &intent.resource),
        })
    }

    /// What the chain says of a payment.
    async fn observe(
        &self,
        settings: &Settings,
        intent: &Intent,
        charged: Amount,
        since: u64,
        floor: Option<Floor>,
    ) -> Observation {
        // without the list, evidence that paid for something else could count again (threat A10)
        let Ok(spoken_for) = self.rows.transactions(&intent.key()) else {
            return Observation::Nothing;
        };
        let lookup = Lookup {
            wanted: wanted(intent, charged),
            network: intent.network,
            since,
            floor,
            spoken_for: &spoken_for,
        };
        match ask::observe(&self.platform, settings, &lookup).await {
            // another payment's, which was erased
            Observation::Paid { transaction, .. } if self.rows.was_erased(&transaction).unwrap_or(true) => Observation::Nothing,
            observation => observation,
        }
    }

    async fn is_unused(&self, intent: &Intent) -> bool {
        let Some(settings) = config::settlement() else {
            return false;
        };
        match self.observe(&settings, intent, intent.amount, self.now(), None).await {
            Observation::Unused { .. } => true,
            Observation::Nothing => ask::verify(&self.platform, &settings, intent)
                .await
                .is_some_and(|answer| answer.valid),
            Observation::Paid { .. } | Observation::UsedOtherwise => false,
        }
    }

    /// The claim's owner can deliver: settle, and say how it went.
    async fn settle(&self, owner: Owner) -> Result<Reply> {
        let Some(row) = self.rows.get(&owner.key)? else {
            return Ok(Reply::refuse(Problem::Internal, ""));
        };
        let charge = match row.intent.charge(owner.overrides.as_deref()) {
            Ok(charge) => charge,
            Err(problem) => {
                self.apply(&owner.key, Event::OriginFailed { fence: owner.fence })?;
                return Ok(Reply::refuse(problem, &row.intent.resource));
            }
        };
        let ready = Event::OriginReady {
            fence: owner.fence,
            charge,
        };
        match self.apply(&owner.key, ready)? {
            work @ Work::Settle { .. } => self.drive(&owner.key, work, false).await?,
            // nothing was used: nothing is settled
            _ if charge == Some(Amount::ZERO) => {}
            // somebody else took over meanwhile
            _ => return Ok(Reply::pending(&row.intent.resource, 2)),
        }
        let Some(row) = self.rows.get(&owner.key)? else {
            return Ok(Reply::refuse(Problem::Internal, ""));
        };
        let resource = &row.intent.resource;
        Ok(match &row.phase {
            Phase::Rejected { reason, .. } => Reply::rejected(resource, reason, None).with_receipt(&row.intent.receipt),
            Phase::Expired => Reply::refuse(Problem::AuthorizationExpired, resource),
            Phase::Cancelled => Reply::refuse(Problem::AuthorizationCancelled, resource),
            Phase::Foreign => Reply::refuse(Problem::AlreadyUsed, resource),
            _ => match Reply::deliver(&row, true) {
                Some(reply) => {
                    self.apply(&owner.key, Event::Answering)?;
                    reply
                }
                None => ledger::pending(Some(&row), &row.intent, self.now()),
            },
        })
    }

    /// The claim's owner cannot deliver: nothing was sent, nothing will be.
    fn release(&self, owner: &Owner) -> Result<Reply> {
        if let Some(row) = self.rows.get(&owner.key)?
            && row.fence == owner.fence
            && matches!(row.phase, Phase::Claimed { .. })
        {
            quota::give(self.now());
        }
        self.apply(&owner.key, Event::OriginFailed { fence: owner.fence })?;
        Ok(Reply::refuse(Problem::OriginUnavailable, ""))
    }

    /// Whether the payer owns a resource.
    fn owned(&self, question: &Question, revoked: &Revoked) -> Result<Reply> {
        let now = self.now();
        if let Some(owned) = self
            .rows
            .owned(&question.resource, &question.passes, &View::all(revoked), now)?
        {
            return Ok(Reply::deliver_owned(&owned, true, false));
        }
        let bundles = self
            .rows
            .bundles(&question.bundles, &question.resource, &View::all(revoked), now)?;
        let left = Reply::left(&bundles, &question.resource);
        Ok(left.unwrap_or_else(|| Reply::refuse(Problem::PaymentRequired, &question.resource)))
    }

    /// Opens a resource with a bundle, unless it is open already; one synchronous step. The same request again, and another device's,
    /// find it owned.
    fn spend(&self, question: &Question, revoked: &Revoked) -> Result<Reply> {
        let now = self.now();
        let owned = self
            .rows
            .owned(&question.resource, &question.passes, &View::all(revoked), now)?;
        let bundles = match owned {
            Some(_) => Vec::new(),
            None => self
                .rows
                .bundles(&question.bundles, &question.resource, &View::all(revoked), now)?,
        };
        // strangers leave nothing behind (threat B8)
        if owned.is_none() && ledger::from_which(&bundles).is_none() {
            return Ok(Reply::refuse(Problem::NothingLeft, &question.resource));
        }
        // a payment that may open it is under way: nothing is used up beside it
        if owned.is_none() && self.rows.other_open(&question.resource, &question.passes, "")? {
            return Ok(Reply::pending(&question.resource, 2));
        }
        if let Some((nonce, until)) = &question.proof
            && !self.rows.consume(nonce, *until, now)?
        {
            return Ok(Reply::refuse(Problem::SignInUsed, &question.resource));
        }
        let opened = match owned {
            Some(owned) => Some(owned),
            None => self.open(
                &question.bundles,
                &question.resource,
                &View::all(revoked),
                question.seconds,
                now,
            )?,
        };
        Ok(match opened {
            Some(owned) => Reply::deliver_owned(&owned, true, false),
            None => Reply::refuse(Problem::NothingLeft, &question.resource),
        })
    }

    /// Notes that one of these bundles has opened a resource, if one can: what the payer owns by that.
    fn open(&self, names: &[String], resource: &str, view: &View<'_>, seconds: u64, now: u64) -> Result<Option<Owned>> {
        let bundles = self.rows.bundles(names, resource, view, now)?;
        let Some(bundle) = ledger::from_which(&bundles) else {
            return Ok(None);
        };
        let owned = Owned {
            resource: resource.to_owned(),
            until: now.saturating_add(seconds),
            ..bundle.owned.clone()
        };
        self.rows.open_with(&bundle.owned, &owned)?;
        Ok(Some(owned))
    }

    /// How the payment with this receipt stands, as JSON. Reads only.
    fn standing(&self, named: &Named) -> Result<Option<String>> {
        match self.rows.with_receipt(&named.receipt)? {
            Some(row) => {
                let standing = serde_json::to_string(&Standing::of(&row, self.now()));
                standing.map(Some).map_err(|_| "a standing cannot be written".into())
            }
            None => self.rows.receipt(&named.receipt),
        }
    }

    /// The chain has a transfer of this payer's: whether one of its payments made it. What is open is looked at
    /// now, in case its alarm was lost (threat B6); who has no such payment stores nothing.
    async fn stray(&self, question: scan::Question) -> Result<String> {
        let rows = match &question.key {
            Some(key) => self.rows.get(key)?.into_iter().collect(),
            None => self
                .rows
                .permits(&question.network.to_string(), &format!("{:#x}", question.asset))?,
        };
        for row in rows {
            let key = row.intent.key();
            let work = match row.phase {
                Phase::Unknown { .. } | Phase::Rejected { .. } => Work::Observe,
                Phase::Claimed { .. } | Phase::Settling { .. } => self.apply(&key, Event::Tick)?,
                _ => Work::None,
            };
            self.drive(&key, work, false).await?;
        }
        let known = self.rows.transactions("")?.contains(&question.transaction) || self.rows.was_erased(&question.transaction)?;
        let open = match &question.key {
            Some(key) => self.rows.get(key)?.is_some_and(|row| row.is_open()) || self.rows.was_erased(key)?,
            None => false,
        };
        Ok(if known || open { scan::KNOWN } else { scan::STRANGE }.to_owned())
    }

    /// One run of the backstop, by the object that is no payer's.
    async fn scan(&self) -> Result<String> {
        if let (Some(settings), Some(site)) = (config::settlement(), config::site()) {
            let scan = Scan {
                platform: &self.platform,
                rows: &self.rows,
                settings: &settings,
                site: &site.url,
                tokens: &site.tokens,
            };
            scan.run().await?;
        }
        Ok(String::new())
    }

    /// Whether who proved the account owns a resource; one synchronous step, so a proof counts once.
    fn sign_in(&self, question: &Question, revoked: &Revoked) -> Result<Reply> {
        let now = self.now();
        let (nonce, until) = question.proof.as_ref().ok_or("the call has no proof")?;
        let owned = self
            .rows
            .owned(&question.resource, &question.passes, &View::all(revoked), now)?;
        let bundles = self
            .rows
            .bundles(&question.bundles, &question.resource, &View::all(revoked), now)?;
        ledger::sign_in(owned.as_ref(), &bundles, &question.resource, || {
            self.rows.consume(nonce, *until, now)
        })
    }

    /// How an answer ended.
    fn told(&self, key: &str, event: Event) -> Result<String> {
        self.apply(key, event)?;
        Ok(String::new())
    }

    /// One synchronous step of one row.
    fn apply(&self, key: &str, event: Event) -> Result<Work> {
        let Some(row) = self.rows.get(key)? else {
            return Ok(Work::None);
        };
        let (next, work) = ledger::step(&row, event, self.now(), &terms(&row.intent));
        if next != row {
            self.rows.put(Some(&row), &next)?;
            self.tell(&row, &next);
            self.platform.wake();
        }
        Ok(work)
    }

    /// Says what an operator or the publisher's figures want to know of a step that is written.
    fn tell(&self, before: &Row, after: &Row) {
        let Some((event, problem)) = ledger::told_of(before, after) else {
            return;
        };
        let intent = &after.intent;
        let seconds = self.now().saturating_sub(after.created).to_string();
        let scheme = wanted(intent, intent.amount).scheme.name();
        self.platform.say(
            event,
            &[
                ("problem", problem),
                ("network", &intent.network.to_string()),
                ("asset", &format!("{:#x}", intent.asset)),
                ("scheme", scheme),
                ("transfer", intent.transfer.name()),
                ("seconds", &seconds),
                ("amount", &after.charged().to_string()),
                ("resource", &intent.resource),
            ],
        );
    }

    /// Does a row's work until there is none; `may_settle` allows one settle attempt besides the
    /// first work.
    async fn drive(&self, key: &str, work: Work, may_settle: bool) -> Result<()> {
        while !self.resolving.borrow_mut().insert(key.to_owned()) {
            // another call is at this row; what is to be settled is not left to it
            if !matches!(work, Work::Settle { .. }) {
                return Ok(());
            }
            self.wait(1).await?;
        }
        let done = self.drive_alone(key, work, may_settle).await;
        self.resolving.borrow_mut().remove(key);
        self.platform.wake();
        self.arm().await?;
        done
    }

    async fn drive_alone(&self, key: &str, mut work: Work, mut may_settle: bool) -> Result<()> {
        loop {
            if work == Work::None {
                return Ok(());
            }
            // what was decided is on disk and its alarm armed before anything leaves (threat B5)
            self.arm().await?;
            let Some(row) = self.rows.get(key)? else {
                return Ok(());
            };
            let settings = config::settlement();
            // somebody else may have given it up, or taken it over, meanwhile
            if let Work::Settle { fence } = work
                && (fence != row.fence || !matches!(row.phase, Phase::Settling { .. }))
            {
                return Ok(());
            }
            let event = match (work, &settings) {
                (Work::None, _) => return Ok(()),
                (Work::Settle { fence }, Some(settings)) => Event::Answered {
                    fence,
                    settlement: match ask::settle(&self.platform, settings, &row, &self.rows.transactions(key)?).await {
                        // another payment's, which was erased (threat A10)
                        Settlement::Done { transaction } if self.rows.was_erased(&transaction)? => Settlement::Unclear,
                        settlement => settlement,
                    },
                },
                (Work::Settle { fence }, None) => Event::Answered {
                    fence,
                    settlement: Settlement::Unclear,
                },
                (Work::Observe, settings) => Event::Observed {
                    observation: match settings {
                        Some(settings) => {
                            self.observe(settings, &row.intent, row.charged(), row.created, row.floor)
                                .await
                        }
                        None => Observation::Nothing,
                    },
                    may_settle: std::mem::take(&mut may_settle),
                },
            };
            work = self.apply(key, event)?;
        }
    }

    /// The alarm's work: every row whose time has come, what the books are to be told, what can be forgotten; then
    /// the alarm for the next of these.
    async fn work_off(&self) -> Result<()> {
        // no trouble of one keeps the others from their turn
        let looked = self.look_after_rows().await;
        let told = books::deliver(&self.platform, &self.rows, self.now()).await;
        let tidied = self.forget().await;
        let cleaned = mine::clean(&self.platform, &self.rows).await;
        self.arm().await?;
        looked.and(told).and(tidied).and(cleaned)
    }

    async fn look_after_rows(&self) -> Result<()> {
        let now = self.now();
        let due = |row: &Row| ledger::next_alarm(row).is_some_and(|at| at <= now);
        for row in self.rows.due(now)?.into_iter().filter(due) {
            let key = row.intent.key();
            let work = self.apply(&key, Event::Tick)?;
            self.drive(&key, work, true).await?;
        }
        Ok(())
    }

    /// Forgets what says no more than its absence, and empties the object when nothing is left (threat B9).
    async fn forget(&self) -> Result<()> {
        let now = self.now();
        for row in self.rows.due(now)? {
            // its payer had it erased while something could still become of it
            if let (Some((keeps_books, at)), None, Some(marks)) =
                (self.rows.leaves(&row.intent.key())?, ledger::stays(&row), config::marks())
            {
                self.rows.erase_row(&row, &marks)?;
                if !keeps_books && self.platform.has_books() {
                    mine::note(&self.rows, &row.intent.payer.to_checksum(None), now, at)?;
                }
            } else if ledger::retire(&row).is_some_and(|at| at <= now) {
                self.rows.forget(&row, now)?;
            }
        }
        if self.rows.tidy(now)? {
            // in one step with the look: what comes meanwhile makes the tables anew
            self.rows.gone();
            self.armed.set(None);
            self.platform.clear();
        }
        Ok(())
    }

    /// Sets the alarm to the earliest time that anything wants. One that comes earlier stays: it finds nothing to do and sets
    /// the next. One that should have come is not relied on (threat B6).
    async fn arm(&self) -> Result<()> {
        let next = self.rows.next()?;
        let now = self.now();
        let early = self.armed.get().filter(|armed| *armed > now);
        if early.zip(next).is_some_and(|(armed, next)| armed <= next) {
            return Ok(());
        }
        let seconds = |at: u64| u32::try_from(at.saturating_sub(now).max(1)).unwrap_or(u32::MAX);
        let wait = next.map(seconds);
        // nobody may rely on what is not set yet, nor on what somebody else sets meanwhile
        self.armed.set(None);
        let turn = self.arming.get().wrapping_add(1);
        self.arming.set(turn);
        self.platform.alarm(wait).await?;
        if self.arming.get() == turn {
            self.armed.set(wait.map(|wait| now.saturating_add(wait.into())));
        }
        Ok(())
    }

    /// Waits for a change of any row, at most this many seconds.
    async fn wait(&self, seconds: u64) -> Result<()> {
        self.platform.wait(u32::try_from(seconds).unwrap_or(u32::MAX)).await
    }
}
