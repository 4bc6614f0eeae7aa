//! Questions to the outside: a facilitator, and a chain by JSON-RPC.

use farthing::{
    evm::{
        Transfer,
        chain::{self, Block, Unreadable, Use, Wanted, permit2},
    },
    ledger::{Floor, Intent, Observation, Phase, Row, Settlement, Verdict, is_of_the_settler, passes_on, read_settlement},
    route::{
        Settlement as Settings,
        config::{Screener, Settler},
    },
    x402::{Network, facilitator::VerifyResponse},
};

use crate::{
    direct::{self, Answer},
    platform::Platform,
};

/// Patience with one RPC call, in seconds.
const RPC_SECONDS: u64 = 5;
/// Patience with the one RPC call that holds up a payment, in seconds.
const FLOOR_SECONDS: u64 = 1;
/// An endpoint whose latest block is so old may stand still, in seconds: then the next one is asked as well.
const STILL_SECONDS: u64 = 60;
/// Log queries for one lookup: at most this many windows back.
const MAX_WINDOWS: u32 = 12;
/// Log queries of one lookup, those included that were asked again for fewer blocks.
const MAX_QUERIES: u32 = 16;
/// The first step back to a block in which a nonce was not used yet; the next are eight times as long each.
const FIRST_STEP_BACK: u64 = 16;
/// Transfers of one lookup that are looked into, newest first.
const MAX_TRANSFERS: usize = 32;
/// The longest answer of a facilitator, in bytes.
const FACILITATOR_BYTES: u32 = 64 * 1024;
/// The longest answer of a screening service, in bytes.
const SCREENING_BYTES: u32 = 4 * 1024;
/// The longest answer of a chain, in bytes: strangers write into blocks, logs and receipts as much as they pay for.
const CHAIN_BYTES: u32 = 4 * 1024 * 1024;
/// How long before the first claim a nonce's use is still looked for, in seconds.
const LOOK_BACK_SECONDS: u64 = 600;

/// An endpoint of a chain did not answer as it should.
pub(crate) fn say_unreadable(platform: &Platform, url: &str, network: Network) {
    platform.say(
        "rpc",
        &[("host", &chain::endpoint_name(url)), ("network", &network.to_string())],
    );
}

/// A reason of ours as the log has words.
fn word(reason: &str) -> String {
    reason.replace(['_', ' '], "-")
}

/// Posts JSON, with what `auth` says (see [`Settler::auth`]); status and body, or nothing when no whole answer came in time.
async fn post(platform: &Platform, url: &str, auth: &str, body: &str, seconds: u64, most: u32) -> Option<(u16, String)> {
    let seconds = u32::try_from(seconds).ok()?;
    let answer = platform.post(url, auth, body, seconds, most).await.ok()?;
    let (status, body) = answer.split_once('\n')?;
    Some((status.parse().ok()?, body.to_owned()))
}

/// Asks those who can settle a row, the one of this attempt first, until one of them did something or judged it.
///
/// `spoken_for` are transactions that settled other payments of this payer: one of them proves nothing of this one, whoever
/// says so (threat A15).
pub(crate) async fn settle(platform: &Platform, settings: &Settings, row: &Row, spoken_for: &[String]) -> Settlement {
    let intent = &row.intent;
    let attempt = match row.phase {
        Phase::Settling { attempt, .. } => attempt,
        _ => 1,
    };
    let until = platform.now().saturating_add(settings.timeout_seconds);
    let mut refusal = None;
    let mut closed = false;
    for settler in settings.settlers(intent.metered.is_some(), intent.contract, attempt) {
        let left = until.saturating_sub(platform.now());
        let url = match settler {
            Settler::Facilitator { url, .. } => format!("{url}/settle"),
            Settler::Direct { secret } => {
                match direct::settle(platform, settings, secret, intent, left).await {
                    Answer::Done(transaction) => return Settlement::Done { transaction },
                    Answer::Refused(reason) => return Settlement::Refused { reason },
                    Answer::Unclear => return Settlement::Unclear,
                    Answer::Limited(reason) => refusal = refusal.or(Some(reason)),
                    Answer::Unable(reason) => {
                        platform.say("settler", &[("settler", "direct"), ("why", &word(&reason))]);
                        closed = true;
                    }
                }
                continue;
            }
        };
        let answer = match left {
            0 => None,
            left => post(platform, &url, &settler.auth(), &row.request(), left, FACILITATOR_BYTES).await,
        };
        let Some((status, body)) = answer else {
            platform.say("settler", &[("settler", &settler.name()), ("why", "no-answer")]);
            return Settlement::Unclear;
        };
        let settlement = match read_settlement(row, status, &body) {
            Settlement::Done { transaction } if spoken_for.iter().any(|other| other.eq_ignore_ascii_case(&transaction)) => {
                platform.say("settler", &[("settler", &settler.name()), ("why", "names-another-payment")]);
                Settlement::Unclear
            }
            settlement => settlement,
        };
        if !passes_on(status, &body) {
            if matches!(settlement, Settlement::Unclear) {
                let status = status.to_string();
                platform.say(
                    "settler",
                    &[("settler", &settler.name()), ("why", "unclear"), ("status", &status)],
                );
            }
            return settlement;
        }
        platform.say(
            "settler",
            &[
                ("settler", &settler.name()),
                ("why", "lets-nobody-in"),
                ("status", &status.to_string()),
            ],
        );
        match settlement {
            Settlement::Refused { reason } => refusal = refusal.or(Some(reason)),
            _ => closed = true,
        }
    }
    // where one may take it later, it is not refused
    match refusal {
        Some(reason) if !closed => Settlement::Refused { reason },
        _ => Settlement::Unclear,
    }
}

/// Asks whether an account may pay. What goes wrong is said, and never about whom (threat G1).
pub(crate) async fn screen(platform: &Platform, screener: &Screener, intent: &Intent, patience: u64) -> Verdict {
    let seconds = screener.timeout_seconds.min(patience);
    let question = intent.ask_screener();
    let answer = post(platform, &screener.url, &screener.auth(), &question, seconds, SCREENING_BYTES).await;
    let answer = answer.as_ref().map(|(status, body)| (*status, body.as_str()));
    let verdict = Verdict::of(screener, answer, platform.now());
    if verdict.allow.is_none() {
        let (why, status) = answer.map_or(("no-answer", String::new()), |(status, _)| ("unclear", status.to_string()));
        platform.say("screening", &[("host", screener.host()), ("why", why), ("status", &status)]);
    }
    verdict
}

/// Asks whether a payment could be settled: then its nonce is unused, and its payer signed. None where nobody said.
pub(crate) async fn verify(platform: &Platform, settings: &Settings, intent: &Intent) -> Option<VerifyResponse> {
    let until = platform.now().saturating_add(settings.timeout_seconds);
    for settler in settings.settlers(intent.metered.is_some(), intent.contract, 1) {
        let left = until.saturating_sub(platform.now());
        if left == 0 {
            break;
        }
        let url = match settler {
            Settler::Facilitator { url, .. } => format!("{url}/verify"),
            Settler::Direct { secret } => match direct::verify(platform, settings, secret, intent).await {
                None => continue,
                answer => return answer,
            },
        };
        let answer = post(platform, &url, &settler.auth(), &intent.request, left, FACILITATOR_BYTES).await;
        let answer = answer.and_then(|(_, body)| VerifyResponse::read(&body));
        // nothing moves here: whoever has an opinion will do, but for one that knows no such payments
        let knows = |answer: &VerifyResponse| answer.valid || !is_of_the_settler(answer.reason.as_deref().unwrap_or_default());
        if answer.as_ref().is_some_and(knows) {
            return answer;
        }
    }
    None
}

/// An authorization whose fate is wanted.
pub(crate) struct Lookup<'a> {
    /// What it should have moved.
    pub(crate) wanted: Wanted,
    /// Where.
    pub(crate) network: farthing::x402::Network,
    /// Since when, Unix seconds.
    pub(crate) since: u64,
    /// The latest block before it was begun, where one was read.
    pub(crate) floor: Option<Floor>,
    /// Transactions that are known to be other payments of this payer.
    pub(crate) spoken_for: &'a [String],
}

/// Reads the fate of an authorization from the first endpoint that answers. One that stands still has not seen what
/// happened since: that a nonce was unused then is only believed where nobody knows better.
pub(crate) async fn observe(platform: &Platform, settings: &Settings, lookup: &Lookup<'_>) -> Observation {
    let mut best = Observation::Nothing;
    for url in settings.rpc.get(&lookup.network).into_iter().flatten() {
        match (Endpoint { platform, url }).fate(lookup).await {
            Ok(Observation::Unused { block_time }) if block_time.saturating_add(STILL_SECONDS) < platform.now() => {
                best = match best {
                    Observation::Unused { block_time: other } => Observation::Unused {
                        block_time: other.max(block_time),
                    },
                    _ => Observation::Unused { block_time },
                };
            }
            Ok(observation) => return observation,
            Err(Unreadable) => say_unreadable(platform, url, lookup.network),
        }
    }
    best
}

/// The latest block from one of the first two endpoints, if it answers at once.
pub(crate) async fn latest_block(platform: &Platform, settings: &Settings, network: farthing::x402::Network) -> Option<Floor> {
    let body = String::from_utf8(chain::ask_latest_block()).ok()?;
    for url in settings.rpc.get(&network)?.iter().take(2) {
        let answer = post(platform, url, "", &body, FLOOR_SECONDS, CHAIN_BYTES).await;
        let block = answer.and_then(|(_, answer)| chain::read_block(answer.as_bytes()).ok());
        if let Some(Block { number, hash, .. }) = block {
            return Some(Floor { number, hash });
        }
    }
    None
}

/// What an endpoint said, if it did.
type Found<T> = core::result::Result<T, Unreadable>;

/// How a permit ended.
enum PermitEnd {
    /// The proxy's call paid, in this transaction and block.
    Settled { transaction: String, block: u64 },
    /// The payer made it worthless.
    Invalidated,
}

/// One endpoint of a chain.
pub(crate) struct Endpoint<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) url: &'a str,
}

impl Endpoint<'_> {
    /// Asks one question; its answer's body, whatever the status: errors of nodes come with any.
    pub(crate) async fn ask_at_any_status(&self, body: Vec<u8>) -> Option<Vec<u8>> {
        let body = String::from_utf8(body).ok()?;
        let (_, answer) = post(self.platform, self.url, "", &body, RPC_SECONDS, CHAIN_BYTES).await?;
        Some(answer.into_bytes())
    }

    /// Asks one question; its answer's body.
    pub(crate) async fn ask(&self, body: Vec<u8>) -> Found<Vec<u8>> {
        let body = String::from_utf8(body).map_err(|_| Unreadable)?;
        match post(self.platform, self.url, "", &body, RPC_SECONDS, CHAIN_BYTES).await {
            Some((200, answer)) => Ok(answer.into_bytes()),
            _ => Err(Unreadable),
        }
    }

    async fn fate(&self, lookup: &Lookup<'_>) -> Found<Observation> {
        let latest = chain::read_block(&self.ask(chain::ask_latest_block()).await?)?;
        if lookup.wanted.transfer == Transfer::Permit2 {
            return self.fate_of_permit(lookup, latest).await;
        }
        if !self.is_used(lookup, latest.number).await? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let transaction = match self.find_use(lookup, latest).await? {
            Use::Transferred(transaction) => transaction,
            Use::Cancelled => return Ok(Observation::UsedOtherwise),
        };
        let receipt = self.ask(chain::ask_receipt(&transaction)).await?;
        match chain::read_transfer(&receipt, &lookup.wanted)? {
            Some(number) => self.paid(lookup, latest, transaction, number).await,
            None => Ok(Observation::UsedOtherwise),
        }
    }

    /// By Permit2: the nonce's bit, then the proxy's call that used it, or the payer's own invalidation.
    /// Where neither is found, nothing is proven: the facilitator may know.
    async fn fate_of_permit(&self, lookup: &Lookup<'_>, latest: Block) -> Found<Observation> {
        if !self.is_used(lookup, latest.number).await? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let mut blocks = Backwards::from(latest.number);
        let mut looked_into = 0_usize;
        while let Some((from, to)) = blocks.next() {
            match self.permit_within(lookup, (from, to), &mut looked_into).await? {
                None => blocks.narrow(),
                Some(Some(end)) => return self.end_of_permit(lookup, latest, end).await,
                Some(None) if self.is_before(from, lookup.since).await? => return Err(Unreadable),
                Some(None) => blocks.done(),
            }
        }
        let block = self.block_of_use(lookup, latest).await?;
        match self.permit_within(lookup, (block, block), &mut looked_into).await? {
            Some(Some(end)) => self.end_of_permit(lookup, latest, end).await,
            _ => Err(Unreadable),
        }
    }

    /// How the permit ended in these blocks, if it did; nothing where the endpoint would not say.
    async fn permit_within(
        &self,
        lookup: &Lookup<'_>,
        (from, to): (u64, u64),
        looked_into: &mut usize,
    ) -> Found<Option<Option<PermitEnd>>> {
        let wanted = &lookup.wanted;
        let transfers = self.ask(permit2::ask_transfers(wanted, from, to)).await;
        let ends = self.ask(permit2::ask_invalidations(wanted, from, to)).await;
        let (Ok(transfers), Ok(ends)) = (
            transfers.and_then(|logs| permit2::read_transfers(&logs, wanted)),
            ends.and_then(|logs| permit2::read_invalidation(&logs, wanted)),
        ) else {
            return Ok(None);
        };
        // one transaction settles one permit: what pays for another row is not looked into
        let new = transfers.into_iter().rev().filter(|hash| !lookup.spoken_for.contains(hash));
        for transaction in new {
            *looked_into = looked_into.saturating_add(1);
            if *looked_into > MAX_TRANSFERS {
                return Err(Unreadable);
            }
            let body = self.ask(permit2::ask_transaction(&transaction)).await?;
            let Some(block) = permit2::read_settlement(&body, wanted)? else {
                continue;
            };
            if permit2::read_receipt(&self.ask(chain::ask_receipt(&transaction)).await?, wanted)? {
                return Ok(Some(Some(PermitEnd::Settled { transaction, block })));
            }
        }
        Ok(Some(ends.then_some(PermitEnd::Invalidated)))
    }

    async fn end_of_permit(&self, lookup: &Lookup<'_>, latest: Block, end: PermitEnd) -> Found<Observation> {
        match end {
            PermitEnd::Settled { transaction, block } => self.paid(lookup, latest, transaction, block).await,
            PermitEnd::Invalidated => Ok(Observation::UsedOtherwise),
        }
    }

    async fn paid(&self, lookup: &Lookup<'_>, latest: Block, transaction: String, number: u64) -> Found<Observation> {
        Ok(Observation::Paid {
            transaction,
            block: number,
            block_time: self.block(number).await?.time,
            depth: latest.number.saturating_sub(number),
            floorless: self.is_floorless(lookup, number).await?,
        })
    }

    /// How the nonce was used up, looked for backwards until well before the claim. A node that knows
    /// of the use and not of its log lags behind: that proves nothing.
    async fn find_use(&self, lookup: &Lookup<'_>, latest: Block) -> Found<Use> {
        let mut blocks = Backwards::from(latest.number);
        while let Some((from, to)) = blocks.next() {
            match self.use_within(lookup, from, to).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) if self.is_before(from, lookup.since).await? => return Err(Unreadable),
                Ok(None) => blocks.done(),
                Err(Unreadable) => blocks.narrow(),
            }
        }
        let block = self.block_of_use(lookup, latest).await?;
        self.use_within(lookup, block, block).await?.ok_or(Unreadable)
    }

    async fn use_within(&self, lookup: &Lookup<'_>, from: u64, to: u64) -> Found<Option<Use>> {
        chain::read_use(&self.ask(chain::ask_use(&lookup.wanted, from, to)).await?)
    }

    /// The block in which the nonce was used, by its state at others: for endpoints that allow few blocks in one
    /// question about logs and keep old states. Twenty questions for a day of blocks every two seconds.
    async fn block_of_use(&self, lookup: &Lookup<'_>, latest: Block) -> Found<u64> {
        let mut used = latest.number;
        let mut back = FIRST_STEP_BACK;
        let mut unused = loop {
            let block = latest.number.saturating_sub(back);
            if !self.is_used(lookup, block).await? {
                break block;
            }
            if block == 0 || self.is_before(block, lookup.since).await? {
                return Err(Unreadable);
            }
            used = block;
            back = back.saturating_mul(8);
        };
        while used.saturating_sub(unused) > 1 {
            let middle = unused.midpoint(used);
            if self.is_used(lookup, middle).await? {
                used = middle;
            } else {
                unused = middle;
            }
        }
        Ok(used)
    }

    /// Whether the nonce was used up when this block had ended.
    async fn is_used(&self, lookup: &Lookup<'_>, block: u64) -> Found<bool> {
        let wanted = &lookup.wanted;
        if wanted.transfer == Transfer::Permit2 {
            permit2::read_bitmap(&self.ask(permit2::ask_bitmap(wanted, block)).await?, wanted)
        } else {
            chain::read_authorization_state(&self.ask(chain::ask_authorization_state(wanted, block)).await?)
        }
    }

    async fn block(&self, number: u64) -> Found<Block> {
        chain::read_block(&self.ask(chain::ask_block(number)).await?)
    }

    /// Whether the floor of a transfer in this block was undone. Only one that is not above it asks.
    async fn is_floorless(&self, lookup: &Lookup<'_>, block: u64) -> Found<bool> {
        match lookup.floor.filter(|floor| block <= floor.number) {
            Some(floor) => Ok(self.block(floor.number).await?.hash != floor.hash),
            None => Ok(false),
        }
    }

    /// Whether a block is well before a time.
    async fn is_before(&self, block: u64, time: u64) -> Found<bool> {
        Ok(block == 0 || self.block(block).await?.time.saturating_add(LOOK_BACK_SECONDS) < time)
    }
}

/// The block ranges of one lookup, newest first, narrower where an answer could not be read: an endpoint
/// may allow fewer blocks, and strangers may have filled some with logs.
struct Backwards {
    to: u64,
    span: u64,
    queries: u32,
    windows: u32,
}

impl Backwards {
    const fn from(latest: u64) -> Self {
        Self {
            to: latest,
            span: chain::LOG_WINDOW,
            queries: 0,
            windows: 0,
        }
    }

    /// The range to ask for; none once enough was asked.
    fn next(&mut self) -> Option<(u64, u64)> {
        self.queries = self.queries.saturating_add(1);
        let more = self.queries <= MAX_QUERIES && self.windows < MAX_WINDOWS;
        more.then(|| (self.to.saturating_sub(self.span.saturating_sub(1)), self.to))
    }

    /// The range was read and had nothing.
    fn done(&mut self) {
        self.to = self.to.saturating_sub(self.span);
        self.windows = self.windows.saturating_add(1);
    }

    /// The range could not be read; of one block there is no part, and no more to ask. Small ranges are read for a
    /// short while only: there is another way to the block.
    fn narrow(&mut self) {
        let cost = if self.span == 1 { MAX_QUERIES } else { 2 };
        self.queries = self.queries.saturating_add(cost);
        self.span = self.span.div_ceil(8);
    }
}
