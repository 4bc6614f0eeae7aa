//! The backstop against lost alarms (threat B6): what arrived at the payees is read from the chain, and the ledgers are asked.
//!
//! Objects cannot be listed, but each transfer names its payer, and with it the object. One object that is no
//! payer's does this whenever the cron trigger calls it, and keeps how far it came.

use farthing::{
    evm::{
        Address, B256, Transfer,
        chain::{
            self, Block, Unreadable,
            arrivals::{self, Arrival, Used},
        },
        hex,
    },
    gate::object_name,
    json::Value,
    ledger::{DAY_SECONDS, Read},
    route::{Settlement, Token},
    x402::Network,
};
use serde::Serialize;

use crate::{
    ask::{self, Endpoint},
    books::{self, Stray},
    platform::{Platform, Result},
    rows::Rows,
};

/// Only what happened so long ago is looked at, in seconds of the chain: until then everybody is still at work.
const REST_SECONDS: u64 = 120;
/// Blocks of the first look.
const FIRST_BLOCKS: u64 = 1_000;
/// Ranges of blocks that one run reads of one network.
const MAX_RANGES: u32 = 12;
/// Ledgers that one run asks at most.
const MAX_ASKED: usize = 40;
/// Payers named in one question.
const MAX_PAYERS: usize = 50;
/// Questions for the block where the last [`REST_SECONDS`] begin.
const MAX_STEPS: u32 = 8;
/// Runs that stop at one transfer because its ledger does not answer; then it is left out.
const MAX_TRIES: u32 = 3;

/// The note of the day when old refusals were last forgotten.
const PRUNED: &str = "pruned";

/// What a ledger is asked about: a transfer from its payer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Question {
    pub(crate) network: Network,
    #[serde(with = "hex::address")]
    pub(crate) asset: Address,
    #[serde(with = "hex::address")]
    pub(crate) pay_to: Address,
    pub(crate) transaction: String,
    /// The authorization; none where the chain does not say, by Permit2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

impl Read for Question {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        let text = |name| value.get(name).and_then(Value::text);
        let address = |name| text(name).and_then(hex::read).map(Address::new);
        Some(Self {
            network: text("network")?.parse().ok()?,
            asset: address("asset")?,
            pay_to: address("payTo")?,
            transaction: text("transaction")?.to_owned(),
            key: text("key").map(str::to_owned),
        })
    }
}

/// The ledger's answer: it knows the transfer, or is at work on it.
pub(crate) const KNOWN: &str = "known";
/// The ledger's answer: none of its payments made the transfer.
pub(crate) const STRANGE: &str = "strange";

/// How far a network was read: up to this log of this block, which is the next to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    block: u64,
    index: u64,
    /// Runs that stopped here.
    tries: u32,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        Some(Self {
            block: parts.next()?.parse().ok()?,
            index: parts.next()?.parse().ok()?,
            tries: parts.next()?.parse().ok()?,
        })
    }

    fn print(self) -> String {
        format!("{}.{}.{}", self.block, self.index, self.tries)
    }
}

/// A site's payments, as the chain would show them.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) rows: &'a Rows,
    pub(crate) settings: &'a Settlement,
    pub(crate) site: &'a str,
    pub(crate) tokens: &'a [Token],
}

impl Scan<'_> {
    /// One run over all networks that can be read.
    pub(crate) async fn run(&self) -> Result<()> {
        let today = self.platform.now().saturating_div(DAY_SECONDS).to_string();
        // once a day: it reads the whole table
        if self.platform.has_books() && self.rows.note(PRUNED)?.as_ref() != Some(&today) {
            books::prune(self.platform).await;
            self.rows.set_note(PRUNED, &today)?;
        }
        let mut asked = 0;
        for (network, urls) in &self.settings.rpc {
            let tokens: Vec<&Token> = self.tokens.iter().filter(|token| token.network == *network).collect();
            if tokens.is_empty() {
                continue;
            }
            for url in urls {
                let chain = Chain {
                    scan: self,
                    endpoint: Endpoint {
                        platform: self.platform,
                        url,
                    },
                    network: *network,
                    tokens: &tokens,
                };
                match chain.run(&mut asked).await? {
                    Ok(()) => {
                        let (network, asked) = (network.to_string(), asked.to_string());
                        self.platform.say("scan", &[("network", &network), ("asked", &asked)]);
                        break;
                    }
                    Err(Unreadable) => ask::say_unreadable(self.platform, url, *network),
                }
            }
        }
        Ok(())
    }
}

/// One network of a run.
struct Chain<'a> {
    scan: &'a Scan<'a>,
    endpoint: Endpoint<'a>,
    network: Network,
    tokens: &'a [&'a Token],
}

type Found<T> = core::result::Result<T, Unreadable>;

impl Chain<'_> {
    /// Reads on from where the last run stopped; what cannot be read is told inside, what breaks ends the run.
    async fn run(&self, asked: &mut usize) -> Result<Found<()>> {
        let name = format!("at {}", self.network);
        let last = match self.last_at_rest().await {
            Ok(Some(last)) => last,
            Ok(None) => return Ok(Ok(())),
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        let kept = self.scan.rows.note(&name)?.and_then(|text| Place::read(&text));
        let mut place = kept.unwrap_or_else(|| Place {
            block: last.saturating_sub(FIRST_BLOCKS.saturating_sub(1)),
            index: 0,
            tries: 0,
        });
        let mut span = chain::LOG_WINDOW;
        for _ in 0..MAX_RANGES {
            if place.block > last {
                break;
            }
            let to = last.min(place.block.saturating_add(span.saturating_sub(1)));
            match self.range(place.block, to).await {
                Ok(found) => {
                    let stopped = self.ask_ledgers(&found, place, asked).await?;
                    place = stopped.unwrap_or(Place {
                        block: to.saturating_add(1),
                        index: 0,
                        tries: 0,
                    });
                    self.scan.rows.set_note(&name, &place.print())?;
                    if stopped.is_some() {
                        break;
                    }
                    span = span.saturating_mul(2).min(chain::LOG_WINDOW);
                }
                // an endpoint may allow fewer blocks, and strangers may have filled some with logs
                Err(Unreadable) if span > 1 => span = span.div_ceil(8),
                // a block that strangers filled on purpose holds nothing up for ever
                Err(Unreadable) if place.tries.saturating_add(1) >= MAX_TRIES => {
                    self.scan.platform.say(
                        "rpc",
                        &[
                            ("why", "block-left-out"),
                            ("block", &place.block.to_string()),
                            ("network", &self.network.to_string()),
                        ],
                    );
                    place = Place {
                        block: place.block.saturating_add(1),
                        index: 0,
                        tries: 0,
                    };
                    self.scan.rows.set_note(&name, &place.print())?;
                }
                Err(unreadable) => {
                    place.tries = place.tries.saturating_add(1);
                    self.scan.rows.set_note(&name, &place.print())?;
                    return Ok(Err(unreadable));
                }
            }
        }
        Ok(Ok(()))
    }

    /// A block that is old enough, not much older than it has to be; none on a chain that has none.
    async fn last_at_rest(&self) -> Found<Option<u64>> {
        let latest = self.block(chain::ask_latest_block()).await?;
        let mut back: u64 = 1;
        for _ in 0..MAX_STEPS {
            let block = self.block(chain::ask_block(latest.number.saturating_sub(back))).await?;
            if block.time.saturating_add(REST_SECONDS) <= latest.time {
                return Ok(Some(block.number));
            }
            if block.number == 0 {
                break;
            }
            back = back.saturating_mul(4);
        }
        Ok(None)
    }

    async fn block(&self, question: Vec<u8>) -> Found<Block> {
        chain::read_block(&self.endpoint.ask(question).await?)
    }

    /// What arrived in these blocks, each with the nonce that it used.
    async fn range(&self, from: u64, to: u64) -> Found<Vec<(Arrival, Option<B256>)>> {
        let mut assets: Vec<Address> = self.tokens.iter().map(|token| token.asset).collect();
        assets.dedup();
        let mut payees: Vec<Address> = self.tokens.iter().map(|token| token.pay_to).collect();
        payees.dedup();
        let question = arrivals::ask_transfers(&assets, &payees, from, to);
        let arrived = arrivals::read_transfers(&self.endpoint.ask(question).await?)?;
        let mut payers: Vec<Address> = arrived.iter().map(|arrival| arrival.from).collect();
        payers.sort_unstable();
        payers.dedup();
        let mut uses: Vec<Used> = Vec::new();
        for payers in payers.chunks(MAX_PAYERS) {
            let question = arrivals::ask_uses(&assets, payers, from, to);
            uses.extend(arrivals::read_uses(&self.endpoint.ask(question).await?)?);
        }
        let with_nonce = |arrival: Arrival| {
            let nonce = arrivals::nonce_of(&arrival, &uses);
            (arrival, nonce)
        };
        Ok(arrived.into_iter().map(with_nonce).collect())
    }

    /// Asks the ledgers of those payers whose payments the books do not have; where it stopped, if it did.
    async fn ask_ledgers(&self, found: &[(Arrival, Option<B256>)], from: Place, asked: &mut usize) -> Result<Option<Place>> {
        let Scan { platform, site, .. } = self.scan;
        let key = |arrival: &Arrival, nonce: &Option<B256>| nonce.map(|nonce| books::key(self.network, arrival.asset, nonce));
        let keys: Vec<String> = found.iter().filter_map(|(arrival, nonce)| key(arrival, nonce)).collect();
        let settled = if platform.has_books() && !keys.is_empty() {
            books::settled(platform, &keys).await
        } else {
            Vec::new()
        };
        let mut strays = Vec::new();
        let mut stopped = None;
        for (arrival, nonce) in found {
            let key = key(arrival, nonce);
            let seen = arrival.block == from.block && arrival.index < from.index;
            if seen || !self.may_be_a_payment(arrival, nonce.is_some()) || key.as_ref().is_some_and(|key| settled.contains(key)) {
                continue;
            }
            let here = Place {
                block: arrival.block,
                index: arrival.index,
                tries: 0,
            };
            if *asked >= MAX_ASKED {
                stopped = Some(here);
                break;
            }
            *asked = asked.saturating_add(1);
            let question = Question {
                network: self.network,
                asset: arrival.asset,
                pay_to: arrival.to,
                transaction: arrival.transaction.clone(),
                key,
            };
            let body = serde_json::to_string(&question).map_err(|_| "a question cannot be written")?;
            match platform.call(&object_name(site, arrival.from), "stray", &body).await {
                Ok(answer) if answer == KNOWN => {}
                Ok(_) => strays.extend(question.key.map(|key| (key, arrival))),
                Err(_) => {
                    let again = from.block == here.block && from.index == here.index;
                    let tries = if again { from.tries.saturating_add(1) } else { 1 };
                    platform.say("broken", &[("at", "ledger"), ("call", "stray")]);
                    if tries < MAX_TRIES {
                        stopped = Some(Place { tries, ..here });
                        break;
                    }
                }
            }
        }
        self.write_strays(&strays).await?;
        Ok(stopped)
    }

    /// Whether a transfer may be of this site: to a payee of this token, and with the log of an authorization, or
    /// where Permit2 is taken, which leaves none. Less than any price is somebody's dust (threat B8).
    fn may_be_a_payment(&self, arrival: &Arrival, authorized: bool) -> bool {
        self.tokens.iter().any(|token| {
            let by_permit = token.transfer == Transfer::Permit2;
            token.asset == arrival.asset
                && token.pay_to == arrival.to
                && (authorized || by_permit)
                && token.may_be_paid_with(arrival.value)
        })
    }

    /// Tells the publisher about payments that no ledger knows.
    async fn write_strays(&self, strays: &[(String, &Arrival)]) -> Result<()> {
        let platform = self.scan.platform;
        if strays.is_empty() {
            return Ok(());
        }
        for (_, arrival) in strays {
            let network = self.network.to_string();
            platform.say("stray", &[("network", &network), ("transaction", &arrival.transaction)]);
        }
        if !platform.has_books() {
            return Ok(());
        }
        let entry = |(key, arrival): &(String, &Arrival)| {
            let entry = serde_json::to_string(&Stray {
                key,
                version: 0,
                state: "stray",
                receipt: "",
                resource: "",
                network: self.network,
                asset: arrival.asset,
                payer: arrival.from,
                pay_to: arrival.to,
                amount: arrival.value,
                charged: arrival.value,
                transaction: &arrival.transaction,
                first_seen: platform.now(),
            })
            .map_err(|_| "an entry cannot be written")?;
            books::marked(&entry, key)
        };
        let entries: Vec<String> = strays.iter().map(entry).collect::<Result<_>>()?;
        books::write(platform, &format!("[{}]", entries.join(","))).await
    }
}
