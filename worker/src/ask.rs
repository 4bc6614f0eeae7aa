//! Questions to the outside: a facilitator, and a chain by JSON-RPC.

use farthing::{
    evm::{
        Transfer,
        chain::{self, Block, Unreadable, Use, Wanted, permit2},
    },
    ledger::{Floor, Intent, Observation, Phase, Row, Settlement, is_of_the_settler, passes_on, read_settlement},
    route::{Settlement as Settings, config::Settler},
    x402::facilitator::VerifyResponse,
};

use crate::{
    direct::{self, Answer},
    platform::Platform,
};

/// Patience with one RPC call, in seconds.
const RPC_SECONDS: u64 = 5;
/// Patience with the one RPC call that holds up a payment, in seconds.
const FLOOR_SECONDS: u64 = 1;
/// Log queries for one lookup: at most this many windows back.
const MAX_WINDOWS: u32 = 12;
/// Log queries of one lookup, those included that were asked again for fewer blocks.
const MAX_QUERIES: u32 = 24;
/// Transfers of one lookup that are looked into, newest first.
const MAX_TRANSFERS: usize = 32;
/// The longest answer of a facilitator, in bytes.
const FACILITATOR_BYTES: u32 = 64 * 1024;
/// The longest answer of a chain, in bytes: strangers write into blocks, logs and receipts as much as they pay for.
const CHAIN_BYTES: u32 = 4 * 1024 * 1024;
/// How long before the first claim a nonce's use is still looked for, in seconds.
const LOOK_BACK_SECONDS: u64 = 600;

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
                        platform.warn(&format!("nothing was sent: {reason}"));
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
            return Settlement::Unclear;
        };
        let settlement = match read_settlement(row, status, &body) {
            Settlement::Done { transaction } if spoken_for.iter().any(|other| other.eq_ignore_ascii_case(&transaction)) => {
                platform.warn(&format!(
                    "{} names a transaction that settled another payment",
                    settler.name()
                ));
                Settlement::Unclear
            }
            settlement => settlement,
        };
        if !passes_on(status, &body) {
            return settlement;
        }
        platform.warn(&format!(
            "{} settled nothing and let nobody in: status {status}",
            settler.name()
        ));
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

/// Reads the fate of an authorization from the first endpoint that answers.
pub(crate) async fn observe(platform: &Platform, settings: &Settings, lookup: &Lookup<'_>) -> Observation {
    for url in settings.rpc.get(&lookup.network).into_iter().flatten() {
        match (Endpoint { platform, url }).fate(lookup).await {
            Ok(observation) => return observation,
            Err(Unreadable) => platform.warn(&format!(
                "the rpc endpoint {} did not answer as it should",
                chain::endpoint_name(url)
            )),
        }
    }
    Observation::Nothing
}

/// The latest block from the first endpoint, if it answers at once.
pub(crate) async fn latest_block(platform: &Platform, settings: &Settings, network: farthing::x402::Network) -> Option<Floor> {
    let url = settings.rpc.get(&network)?.first()?;
    let body = String::from_utf8(chain::ask_latest_block()).ok()?;
    let (_, answer) = post(platform, url, "", &body, FLOOR_SECONDS, CHAIN_BYTES).await?;
    let Block { number, hash, .. } = chain::read_block(answer.as_bytes()).ok()?;
    Some(Floor { number, hash })
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
    pub(crate) async fn ask(&self, body: Vec<u8>) -> core::result::Result<Vec<u8>, Unreadable> {
        let body = String::from_utf8(body).map_err(|_| Unreadable)?;
        match post(self.platform, self.url, "", &body, RPC_SECONDS, CHAIN_BYTES).await {
            Some((200, answer)) => Ok(answer.into_bytes()),
            _ => Err(Unreadable),
        }
    }

    async fn fate(&self, lookup: &Lookup<'_>) -> core::result::Result<Observation, Unreadable> {
        let wanted = &lookup.wanted;
        let latest = chain::read_block(&self.ask(chain::ask_latest_block()).await?)?;
        if wanted.transfer == Transfer::Permit2 {
            return self.fate_of_permit(lookup, latest).await;
        }
        let state = self.ask(chain::ask_authorization_state(wanted, latest.number)).await?;
        if !chain::read_authorization_state(&state)? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let transaction = match self.find_use(lookup, latest).await? {
            Use::Transferred(transaction) => transaction,
            Use::Cancelled => return Ok(Observation::UsedOtherwise),
        };
        let receipt = self.ask(chain::ask_receipt(&transaction)).await?;
        match chain::read_transfer(&receipt, wanted)? {
            Some(number) => {
                let block = chain::read_block(&self.ask(chain::ask_block(number)).await?)?;
                Ok(Observation::Paid {
                    transaction,
                    block: number,
                    block_time: block.time,
                    depth: latest.number.saturating_sub(number),
                    floorless: self.is_floorless(lookup, number).await?,
                })
            }
            None => Ok(Observation::UsedOtherwise),
        }
    }

    /// By Permit2: the nonce's bit, then the proxy's call that used it, or the payer's own invalidation.
    /// Where neither is found, nothing is proven: the facilitator may know.
    async fn fate_of_permit(&self, lookup: &Lookup<'_>, latest: Block) -> core::result::Result<Observation, Unreadable> {
        let wanted = &lookup.wanted;
        let bitmap = self.ask(permit2::ask_bitmap(wanted, latest.number)).await?;
        if !permit2::read_bitmap(&bitmap, wanted)? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let mut blocks = Backwards::from(latest.number);
        let mut looked_into = 0_usize;
        while let Some((from, to)) = blocks.next() {
            let transfers = self.ask(permit2::ask_transfers(wanted, from, to)).await;
            let ends = self.ask(permit2::ask_invalidations(wanted, from, to)).await;
            let (Ok(transfers), Ok(ends)) = (
                transfers.and_then(|logs| permit2::read_transfers(&logs, wanted)),
                ends.and_then(|logs| permit2::read_invalidation(&logs, wanted)),
            ) else {
                blocks.narrow()?;
                continue;
            };
            // one transaction settles one permit: what pays for another row is not looked into
            let new = transfers.into_iter().rev().filter(|hash| !lookup.spoken_for.contains(hash));
            for transaction in new {
                looked_into = looked_into.saturating_add(1);
                if looked_into > MAX_TRANSFERS {
                    return Err(Unreadable);
                }
                let body = self.ask(permit2::ask_transaction(&transaction)).await?;
                let Some(block) = permit2::read_settlement(&body, wanted)? else {
                    continue;
                };
                if permit2::read_receipt(&self.ask(chain::ask_receipt(&transaction)).await?, wanted)? {
                    let block_time = chain::read_block(&self.ask(chain::ask_block(block)).await?)?.time;
                    return Ok(Observation::Paid {
                        transaction,
                        block,
                        block_time,
                        depth: latest.number.saturating_sub(block),
                        floorless: self.is_floorless(lookup, block).await?,
                    });
                }
            }
            if ends {
                return Ok(Observation::UsedOtherwise);
            }
            if self.is_before(from, lookup.since).await? {
                break;
            }
            blocks.done();
        }
        Err(Unreadable)
    }

    /// How the nonce was used up, looked for backwards until well before the claim. A node that knows
    /// of the use and not of its log lags behind: that proves nothing.
    async fn find_use(&self, lookup: &Lookup<'_>, latest: Block) -> core::result::Result<Use, Unreadable> {
        let mut blocks = Backwards::from(latest.number);
        while let Some((from, to)) = blocks.next() {
            let logs = self.ask(chain::ask_use(&lookup.wanted, from, to)).await;
            match logs.and_then(|logs| chain::read_use(&logs)) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) if self.is_before(from, lookup.since).await? => break,
                Ok(None) => blocks.done(),
                Err(Unreadable) => blocks.narrow()?,
            }
        }
        Err(Unreadable)
    }

    /// Whether the floor of a transfer in this block was undone. Only one that is not above it asks.
    async fn is_floorless(&self, lookup: &Lookup<'_>, block: u64) -> core::result::Result<bool, Unreadable> {
        match lookup.floor.filter(|floor| block <= floor.number) {
            Some(floor) => {
                let now = chain::read_block(&self.ask(chain::ask_block(floor.number)).await?)?;
                Ok(now.hash != floor.hash)
            }
            None => Ok(false),
        }
    }

    /// Whether a block is well before a time.
    async fn is_before(&self, block: u64, time: u64) -> core::result::Result<bool, Unreadable> {
        let start = chain::read_block(&self.ask(chain::ask_block(block)).await?)?;
        Ok(block == 0 || start.time.saturating_add(LOOK_BACK_SECONDS) < time)
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

    /// The range could not be read.
    fn narrow(&mut self) -> core::result::Result<(), Unreadable> {
        if self.span == 1 {
            return Err(Unreadable);
        }
        self.span = self.span.div_ceil(8);
        Ok(())
    }
}
