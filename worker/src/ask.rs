//! Questions to the outside: a facilitator, and a chain by JSON-RPC.

use farthing::{
    evm::chain::{self, Block, Unreadable, Wanted},
    ledger::{Observation, Row, Settlement, read_settlement},
    route::Settlement as Settings,
};
use futures_util::StreamExt;
use worker::{Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Result};

use crate::wait::within;

/// The largest answer that is read (threat D8).
const MAX_ANSWER: usize = 64 * 1024;
/// Patience with one RPC call, in seconds.
const RPC_SECONDS: u64 = 5;
/// Log queries for one lookup: at most this many windows back.
const MAX_WINDOWS: u32 = 12;
/// How long before the first claim a nonce's use is still looked for, in seconds.
const LOOK_BACK_SECONDS: u64 = 600;

/// Posts JSON; status and body, at most [`MAX_ANSWER`] bytes.
async fn post(url: &str, body: &str) -> Result<(u16, Vec<u8>)> {
    let headers = Headers::new();
    headers.set("Content-Type", "application/json")?;
    headers.set("Accept", "application/json")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body.into())).with_redirect(RequestRedirect::Manual);
    let mut response = Fetch::Request(Request::new_with_init(url, &init)?).send().await?;
    let status = response.status_code();
    let mut bytes = Vec::new();
    let mut stream = response.stream()?;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err("the answer is too large".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((status, bytes))
}

/// Asks the facilitator to settle a row.
pub(crate) async fn settle(settings: &Settings, row: &Row) -> Settlement {
    let Some(facilitator) = settings.facilitators.first() else {
        return Settlement::Unclear;
    };
    let url = format!("{facilitator}/settle");
    match within(settings.timeout_seconds, post(&url, &row.intent.request)).await {
        Some(Ok((status, body))) => read_settlement(row, status, &body),
        _ => Settlement::Unclear,
    }
}

/// Asks the facilitator whether a payment could be settled: then its nonce is unused.
pub(crate) async fn verify(settings: &Settings, request: &str) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        is_valid: bool,
    }
    let Some(facilitator) = settings.facilitators.first() else {
        return false;
    };
    let url = format!("{facilitator}/verify");
    match within(settings.timeout_seconds, post(&url, request)).await {
        Some(Ok((_, body))) => serde_json::from_slice::<Answer>(&body).is_ok_and(|answer| answer.is_valid),
        _ => false,
    }
}

/// Reads the fate of an authorization from the first endpoint that answers.
pub(crate) async fn observe(settings: &Settings, wanted: &Wanted, network: farthing::x402::Network, since: u64) -> Observation {
    for url in settings.rpc.get(&network).into_iter().flatten() {
        match (Endpoint { url }).fate(wanted, since).await {
            Ok(observation) => return observation,
            Err(Unreadable) => worker::console_warn!("the rpc endpoint {} did not answer as it should", chain::endpoint_name(url)),
        }
    }
    Observation::Nothing
}

struct Endpoint<'a> {
    url: &'a str,
}

impl Endpoint<'_> {
    async fn ask(&self, body: Vec<u8>) -> core::result::Result<Vec<u8>, Unreadable> {
        let body = String::from_utf8(body).map_err(|_| Unreadable)?;
        match within(RPC_SECONDS, post(self.url, &body)).await {
            Some(Ok((200, answer))) => Ok(answer),
            _ => Err(Unreadable),
        }
    }

    async fn fate(&self, wanted: &Wanted, since: u64) -> core::result::Result<Observation, Unreadable> {
        let latest = chain::read_block(&self.ask(chain::ask_latest_block()).await?)?;
        let state = self.ask(chain::ask_authorization_state(wanted, latest.number)).await?;
        if !chain::read_authorization_state(&state)? {
            return Ok(Observation::Unused { block_time: latest.time });
        }
        let Some(transaction) = self.find_use(wanted, latest, since).await? else {
            return Ok(Observation::UsedOtherwise);
        };
        let receipt = self.ask(chain::ask_receipt(&transaction)).await?;
        match chain::read_transfer(&receipt, wanted)? {
            Some(number) => {
                let block = chain::read_block(&self.ask(chain::ask_block(number)).await?)?;
                Ok(Observation::Paid {
                    transaction,
                    block_time: block.time,
                })
            }
            None => Ok(Observation::UsedOtherwise),
        }
    }

    /// The transaction that used the nonce, looked for backwards until well before the claim.
    async fn find_use(&self, wanted: &Wanted, latest: Block, since: u64) -> core::result::Result<Option<String>, Unreadable> {
        let mut to = latest.number;
        for _ in 0..MAX_WINDOWS {
            let from = to.saturating_sub(chain::LOG_WINDOW.saturating_sub(1));
            let logs = self.ask(chain::ask_use(wanted, from, to)).await?;
            if let Some(transaction) = chain::read_use(&logs)? {
                return Ok(Some(transaction));
            }
            let start = chain::read_block(&self.ask(chain::ask_block(from)).await?)?;
            if from == 0 || start.time.saturating_add(LOOK_BACK_SECONDS) < since {
                return Ok(None);
            }
            to = from.saturating_sub(1);
        }
        Err(Unreadable)
    }
}
