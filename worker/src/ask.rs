//! Questions to the outside: a facilitator, and a chain by JSON-RPC.

use farthing::{
    evm::{
        Transfer,
        chain::{self, Block, Unreadable, Use, Wanted, permit2},
    },
    ledger::{Observation, Row, Settlement, read_settlement},
    route::Settlement as Settings,
    x402::facilitator::VerifyResponse,
};

use crate::platform::{Platform, warn};

/// Patience with one RPC call, in seconds.
const RPC_SECONDS: u64 = 5;
/// Patience with the one RPC call that holds up a payment, in seconds.
const FLOOR_SECONDS: u64 = 1;
/// Log queries for one lookup: at most this many windows back.
const MAX_WINDOWS: u32 = 12;
/// Transfers of one log query that are looked into.
const MAX_TRANSFERS: usize = 8;
/// How long before the first claim a nonce's use is still looked for, in seconds.
const LOOK_BACK_SECONDS: u64 = 600;

/// Posts JSON; status and body, or nothing when no whole answer came in time.
async fn post(platform: &Platform, url: &str, body: &str, seconds: u64) -> Option<(u16, String)> {
    let seconds = u32::try_from(seconds).ok()?;
    let answer = platform.post(url, body, seconds).await.ok()?.as_string()?;
    let (status, body) = answer.split_once('\n')?;
    Some((status.parse().ok()?, body.to_owned()))
}

/// Asks the facilitator to settle a row.
pub(crate) async fn settle(platform: &Platform, settings: &Settings, row: &Row) -> Settlement {
    let Some(facilitator) = settings.facilitators.first() else {
        return Settlement::Unclear;
    };
    let url = format!("{facilitator}/settle");
    match post(platform, &url, &row.request(), settings.timeout_seconds).await {
        Some((status, body)) => read_settlement(row, status, &body),
        None => Settlement::Unclear,
    }
}

/// Asks the facilitator whether a payment could be settled: then its nonce is unused, and its payer
/// signed. None where it did not say.
pub(crate) async fn verify(platform: &Platform, settings: &Settings, request: &str) -> Option<VerifyResponse> {
    let url = format!("{}/verify", settings.facilitators.first()?);
    let (_, body) = post(platform, &url, request, settings.timeout_seconds).await?;
    VerifyResponse::read(&body)
}

/// Reads the fate of an authorization from the first endpoint that answers.
pub(crate) async fn observe(
    platform: &Platform,
    settings: &Settings,
    wanted: &Wanted,
    network: farthing::x402::Network,
    since: u64,
) -> Observation {
    for url in settings.rpc.get(&network).into_iter().flatten() {
        match (Endpoint { platform, url }).fate(wanted, since).await {
            Ok(observation) => return observation,
            Err(Unreadable) => warn(&format!(
                "the rpc endpoint {} did not answer as it should",
                chain::endpoint_name(url)
            )),
        }
    }
    Observation::Nothing
}

/// The latest block's number from the first endpoint, if it answers at once.
pub(crate) async fn latest_block(platform: &Platform, settings: &Settings, network: farthing::x402::Network) -> Option<u64> {
    let url = settings.rpc.get(&network)?.first()?;
    let body = String::from_utf8(chain::ask_latest_block()).ok()?;
    let (_, answer) = post(platform, url, &body, FLOOR_SECONDS).await?;
    Some(chain::read_block(answer.as_bytes()).ok()?.number)
}

struct Endpoint<'a> {
    platform: &'a Platform,
    url: &'a str,
}

impl Endpoint<'_> {
    async fn ask(&self, body: Vec<u8>) -> core::result::Result<Vec<u8>, Unreadable> {
        let body = String::from_utf8(body).map_err(|_| Unreadable)?;
        match post(self.platform, self.url, &body, RPC_SECONDS).await {
            Some((200, answer)) => Ok(answer.into_bytes()),
            _ => Err(Unreadable),
        }
    }

    async fn fate(&self, wanted: &Wanted, since: u64) -> core::result::Result<Observation, Unreadable> {
        let latest = chain::read_block(&self.ask(chain::ask_latest_block()).await?)?;
        if wanted.transfer == Transfer::Permit2 {
            return self.fate_of_permit(wanted, latest, since).await;
        }
        let state = self.ask(chain::ask_authorization_state(wanted, latest.number)).await?;
        if !chain::read_authorization_state(&state)? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let transaction = match self.find_use(wanted, latest, since).await? {
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
                })
            }
            None => Ok(Observation::UsedOtherwise),
        }
    }

    /// By Permit2: the nonce's bit, then the proxy's call that used it, or the payer's own invalidation.
    /// Where neither is found, nothing is proven: the facilitator may know.
    async fn fate_of_permit(&self, wanted: &Wanted, latest: Block, since: u64) -> core::result::Result<Observation, Unreadable> {
        let bitmap = self.ask(permit2::ask_bitmap(wanted, latest.number)).await?;
        if !permit2::read_bitmap(&bitmap, wanted)? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let mut to = latest.number;
        for _ in 0..MAX_WINDOWS {
            let from = to.saturating_sub(chain::LOG_WINDOW.saturating_sub(1));
            let logs = self.ask(permit2::ask_transfers(wanted, from, to)).await?;
            for transaction in permit2::read_transfers(&logs, wanted)?.into_iter().take(MAX_TRANSFERS) {
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
                    });
                }
            }
            let logs = self.ask(permit2::ask_invalidations(wanted, from, to)).await?;
            if permit2::read_invalidation(&logs, wanted)? {
                return Ok(Observation::UsedOtherwise);
            }
            let start = chain::read_block(&self.ask(chain::ask_block(from)).await?)?;
            if from == 0 || start.time.saturating_add(LOOK_BACK_SECONDS) < since {
                break;
            }
            to = from.saturating_sub(1);
        }
        Err(Unreadable)
    }

    /// How the nonce was used up, looked for backwards until well before the claim. A node that knows
    /// of the use and not of its log lags behind: that proves nothing.
    async fn find_use(&self, wanted: &Wanted, latest: Block, since: u64) -> core::result::Result<Use, Unreadable> {
        let mut to = latest.number;
        for _ in 0..MAX_WINDOWS {
            let from = to.saturating_sub(chain::LOG_WINDOW.saturating_sub(1));
            let logs = self.ask(chain::ask_use(wanted, from, to)).await?;
            if let Some(found) = chain::read_use(&logs)? {
                return Ok(found);
            }
            let start = chain::read_block(&self.ask(chain::ask_block(from)).await?)?;
            if from == 0 || start.time.saturating_add(LOOK_BACK_SECONDS) < since {
                break;
            }
            to = from.saturating_sub(1);
        }
        Err(Unreadable)
    }
}
