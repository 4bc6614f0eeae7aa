//! Requests as the gate brings them to the ledger, with clients behind them that retry as they are told to.

use farthing::ledger::{DAY_SECONDS, Intent, Reply};
use farthing::{
    evm::{B256, Transfer},
    x402::{Network, Wider},
};

use super::{
    chain::{PAYEE, PAYER, PRICE, TOKEN, nonce},
    readers::BUNDLE,
    world::{Event, Who, World},
};

/// What a client does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Asks,
    /// Its request waits for the ledger.
    Waits,
    /// The origin has answered: with the article, or not.
    Origin {
        key: String,
        fence: u64,
        delivers: bool,
    },
    Over,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) authorization: usize,
    pub(crate) article: usize,
    pub(crate) tries: u32,
    pub(crate) doing: Doing,
    pub(crate) served: bool,
    /// Somebody who makes a header of what is on the chain (threat A16).
    pub(crate) thief: bool,
}

/// How many articles there are; payments are for the first two.
pub(crate) const ALL: u64 = 3;
const ARTICLES: [&str; 3] = ["https://n.example/a", "https://n.example/b", "https://n.example/c"];

pub(crate) fn resource(article: usize) -> &'static str {
    ARTICLES[article]
}

impl World {
    pub(crate) fn intent(&self, authorization: usize, article: usize) -> Intent {
        let (_, valid_before) = self.setting.authorizations[authorization];
        Intent {
            resource: resource(article).into(),
            seconds: (!self.setting.single).then_some(30 * DAY_SECONDS),
            offer: self.setting.bundle.map(|count| Wider {
                name: BUNDLE.into(),
                title: String::new(),
                count: Some(count),
                seconds: 30 * DAY_SECONDS,
            }),
            passes: Vec::new(),
            version: 2,
            network: Network::BASE_SEPOLIA,
            asset: TOKEN,
            transfer: Transfer::Eip3009,
            metered: None,
            upfront: false,
            verify: false,
            contract: false,
            payer: PAYER,
            pay_to: PAYEE,
            amount: PRICE.to_string().parse().unwrap(),
            nonce: B256::new(nonce(authorization)),
            valid_before,
            confirmations: self.setting.confirmations,
            digest: format!("digest {authorization}"),
            secret: true,
            tagged: self.setting.tagged,
            identifier: None,
            address: "home".into(),
            late: (self.now() + 6 > valid_before).then(|| "authorization-expired".into()),
            receipt: format!("receipt {}", self.chance.below(1 << 32)),
            audience: None,
            request: format!("{{{authorization}}}"),
        }
    }

    pub(crate) fn client_acts(&mut self, client: usize, doing: Doing) {
        match doing {
            Doing::Asks => {
                let Client {
                    authorization,
                    article,
                    thief,
                    ..
                } = self.clients[client];
                let mut intent = self.intent(authorization, article);
                if thief {
                    if !(self.chain.has_paid(authorization) && self.bound.contains_key(&authorization)) {
                        return self.comes_back(client, 5);
                    }
                    intent.digest = format!("digest {authorization}, made anew by {client}");
                    intent.secret = false;
                    // perhaps behind the same address, as in a café
                    if self.chance.happens(500) {
                        intent.address = "elsewhere".into();
                    }
                }
                let body = serde_json::to_string(&intent).unwrap();
                let who = if thief { "thief" } else { "client" };
                self.note(format!("{who} {client} asks with {authorization} for {article}"));
                self.start(Who::Client(client), "claim", &body);
            }
            Doing::Origin { key, fence, delivers } => {
                let call = if delivers { "settle" } else { "release" };
                self.note(format!(
                    "client {client}: the origin {}",
                    if delivers { "delivers" } else { "fails" }
                ));
                let body = serde_json::json!({"key": key, "fence": fence}).to_string();
                self.start(Who::Client(client), call, &body);
            }
            Doing::Waits | Doing::Over => {}
        }
    }

    /// The ledger's reply, or none where it failed.
    pub(crate) fn replied(&mut self, client: usize, reply: Option<&str>) {
        let Some(reply) = reply else {
            return self.comes_back(client, 2);
        };
        match Reply::read(reply) {
            Some(Reply::Fetch { key, fence }) => self.fetches(client, key, fence),
            Some(Reply::Deliver(grant)) => {
                self.note(format!("client {client} gets {} by {}", grant.resource, grant.transaction));
                self.judge_delivery(self.clients[client].article, &grant);
                if self.clients[client].thief {
                    self.violation = Some(format!("A16: {} went out to thief {client}", grant.resource));
                }
                self.clients[client].served = true;
                self.clients[client].doing = Doing::Over;
                self.deliveries += 1;
                let delivered = self.chance.happens(800);
                if let Some(key) = grant.report.filter(|_| delivered) {
                    self.start(Who::Nobody, "delivered", &key);
                }
                // a page is read again, a header is sent again
                if self.chance.happens(200) {
                    self.comes_back(client, 5);
                }
            }
            Some(Reply::Left(_)) => self.violation = Some(format!("client {client} paid, and hears of articles that are left")),
            Some(Reply::Refuse(refused)) => {
                self.note(format!("client {client} hears {}", refused.problem));
                match refused.problem.as_str() {
                    "settlement-pending" | "too-many-requests" | "screening-unavailable" => {
                        self.comes_back(client, refused.retry_after.unwrap_or(1))
                    }
                    // refused, or its origin failed: some try the same once more
                    _ if self.chance.happens(400) => self.comes_back(client, 3),
                    _ => self.clients[client].doing = Doing::Over,
                }
            }
            None => self.violation = Some(format!("no reply can be read from: {reply}")),
        }
    }

    fn fetches(&mut self, client: usize, key: String, fence: u64) {
        let Client {
            authorization, article, ..
        } = self.clients[client];
        let bound = *self.bound.entry(authorization).or_insert(article);
        if bound != article {
            self.violation = Some(format!("S2: {authorization} went from article {bound} to {article}"));
        }
        let millis = match self.chance.below(20) {
            0 => 26_000,
            1 => 12_000,
            _ => self.chance.between(20, 3000),
        };
        let delivers = millis < 25_000 && self.chance.happens(900);
        self.clients[client].doing = Doing::Origin { key, fence, delivers };
        self.after(millis, Event::Client(client));
    }

    fn comes_back(&mut self, client: usize, seconds: u64) {
        let one = &mut self.clients[client];
        if one.tries == 0 {
            one.doing = Doing::Over;
            return;
        }
        one.tries -= 1;
        one.doing = Doing::Asks;
        let jitter = self.chance.below(1500);
        self.after(seconds * 1000 + jitter, Event::Client(client));
    }
}
