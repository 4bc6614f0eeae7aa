//! What to do with a request that is not free.

use alloc::{borrow::ToOwned, string::String};

use super::{Answer, Asked, Decision, Gate, LedgerCall, Request, Routed, Target, answer, object_name, refuse};
use crate::{
    access::{Keys, Pass, Purpose, cookie, receipt_id},
    evm::{Address, Transfer, hex},
    ledger::Intent,
    offer::{
        self, Payment, Refusal,
        matching::{Against, Version},
    },
    problem::Problem,
    route::{Access, Route},
    x402::{
        Wider,
        v2::{PaymentFlow, Scheme},
    },
};

impl Gate {
    /// What to do with a request that is not free.
    pub fn decide(&self, request: &Request<'_>, now: u64, random: [u8; 16]) -> Decision {
        let decision = self.preflight(request);
        let decision = decision.unwrap_or_else(|| self.decided(request, now, random));
        self.readable_decision(request, decision)
    }

    fn decided(&self, request: &Request<'_>, now: u64, random: [u8; 16]) -> Decision {
        let good = match self.route(request.method, request.url) {
            // never asked about these; were it, nothing may be handed on from here
            Routed::Free | Routed::FreeAs(_) => return Decision::Answer(self.problem(request, Problem::Internal.into())),
            Routed::Look(Target::Priced(good)) if good.route.free_from.is_some_and(|from| from <= now) => {
                return Decision::FreeAs(good.path);
            }
            Routed::Look(Target::Priced(good)) => good,
            Routed::Look(Target::Method(route)) => return Decision::Answer(self.method(request, route)),
            Routed::Look(Target::Wrong(problem)) => return Decision::Answer(self.problem(request, problem.into())),
            Routed::Look(Target::Redirect(path)) => return Decision::Answer(refuse::redirect(request.url, &path)),
            Routed::Look(Target::Own(name)) => return self.own(request, name, now, random),
        };
        let Ok(keys) = &self.keys else {
            return Decision::Answer(self.problem(request, Problem::NotConfigured.into()));
        };
        let mut asked = Asked::new(&good, keys, now, random);
        if let Some(question) = self.missing(request, &asked) {
            return question;
        }
        let said = Self::said(request, &good);
        asked.route = said.as_deref().unwrap_or(asked.route);
        if asked.route.free_from.is_some_and(|from| from <= now) {
            return Decision::FreeAs(good.path);
        }
        match self.audience(request, &asked) {
            Ok(route) => asked.route = route,
            Err(decision) => return decision,
        }
        match self.payment(request, &asked) {
            Ok(Some(mut payment)) => {
                match Self::bid(request, asked.route, Some(&payment)).and_then(|()| self.extended(&mut payment, &asked)) {
                    Ok(identifier) => Decision::Ledger(self.claim(&payment, identifier, request, &asked)),
                    Err(refusal) => Decision::Answer(self.refuse(request, Some(&asked), &refusal, None)),
                }
            }
            Err(refusal) => Decision::Answer(self.refuse(request, Some(&asked), &refusal, None)),
            Ok(None) => self.without_payment(request, &asked),
        }
    }

    /// What has to be known before anything is decided, and is not: the list of what was taken back, or the origin's word.
    pub(super) fn missing(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Decision> {
        let list = self.wants_list(request, asked.now);
        list.or_else(|| self.question(request, asked))
    }

    pub(super) fn without_payment(&self, request: &Request<'_>, asked: &Asked<'_>) -> Decision {
        if let Some(pass) = self.passed(request, asked) {
            let mut headers = answer::private();
            headers.extend(self.gift_link(request, asked, &pass));
            return Decision::Forward {
                path: asked.path.to_owned(),
                headers,
            };
        }
        if matches!(asked.route.access, Access::Owned(_)) && self.covered(request, asked).is_some() {
            return Decision::Forward {
                path: asked.path.to_owned(),
                headers: answer::private(),
            };
        }
        if let Some(decision) = self.subscriber(request, asked) {
            return decision;
        }
        if matches!(asked.route.access, Access::Owned(_)) {
            if let Some(decision) = self.embedded(request, asked).or_else(|| self.sign_in(request, asked)) {
                return decision;
            }
            if let Some(handle) = self.handle(request, asked.keys, asked.now) {
                return Decision::Ledger(LedgerCall {
                    object: object_name(self.site(), handle.payer),
                    call: "owned",
                    body: self.without_revoked(serde_json::to_string(&asked.question()).unwrap_or_default(), handle.payer),
                });
            }
        }
        if request.method == "OPTIONS" {
            return Decision::Answer(Answer::empty(204, [("Allow", "GET, HEAD, OPTIONS".to_owned())]));
        }
        if let Some(metered) = self.metered(request, asked) {
            return metered.into();
        }
        self.unpaid(request, asked)
    }

    /// The answer to who brings nothing.
    pub(super) fn unpaid(&self, request: &Request<'_>, asked: &Asked<'_>) -> Decision {
        if let Some(call) = self.teaser(request, asked) {
            return Decision::Teaser(call);
        }
        let nothing = match self.paused() {
            true => Problem::PaymentsPaused.into(),
            false => Self::bid(request, asked.route, None)
                .err()
                .unwrap_or(Problem::PaymentRequired.into()),
        };
        Decision::Answer(self.refuse(request, Some(asked), &nothing, None))
    }

    /// The reader's pass.
    pub(super) fn passed(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Pass> {
        let mut passes = cookie::values(request.cookie, cookie::PASS);
        let open = |text| Pass::open(asked.keys, asked.resource, text, asked.now);
        let opened = || passes.find_map(|text| open(text).filter(|pass| self.is_good(pass)));
        matches!(asked.route.access, Access::Owned(_)).then(opened).flatten()
    }

    /// The answer to a method that a route is not for.
    fn method(&self, request: &Request<'_>, route: &Route) -> Answer {
        let mut answer = self.problem(request, Problem::MethodNotTaken.into());
        // a priced route takes GET, and with it these
        answer.headers.push(("Allow", route.methods.join(", ") + ", HEAD, OPTIONS"));
        answer
    }

    /// Whether no new payment is taken.
    pub(super) fn paused(&self) -> bool {
        self.config().is_some_and(|config| config.paused)
    }

    /// Whether this account may not pay. What it paid before can be looked up all the same (threat B13).
    fn denies(&self, payer: Address) -> bool {
        self.config().is_some_and(|config| config.denied.contains(&payer))
    }

    /// Reads and checks the payment that came, if one came.
    pub(super) fn payment(&self, request: &Request<'_>, asked: &Asked<'_>) -> Result<Option<Payment>, Refusal> {
        let (version, header) = match (request.payment, request.x_payment) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(Problem::PaymentHeaderRepeated.into()),
            (Some(header), None) => (Version::V2, header),
            (None, Some(header)) => (Version::V1, header),
        };
        match request.method {
            "GET" => {}
            "HEAD" | "OPTIONS" => return Err(Problem::MethodCannotPay.into()),
            _ => return Err(Problem::MethodNotPayable.into()),
        }
        // the platform joins several headers of one name with a comma, which base64 never has
        if header.contains(',') {
            return Err(Problem::PaymentHeaderRepeated.into());
        }
        let against = Against {
            route: asked.route,
            resource: asked.resource,
            keys: asked.keys,
            now: asked.now,
        };
        against.check(version, header).map(Some)
    }

    pub(super) fn claim(
        &self,
        payment: &Payment,
        identifier: Option<String>,
        request: &Request<'_>,
        asked: &Asked<'_>,
    ) -> LedgerCall {
        let site = self.config().map(|config| config.site.as_str()).unwrap_or_default();
        let body = offer::matching::facilitator_request(payment, &asked.info());
        let (signed, extra) = (&payment.signed, &payment.offer.extra);
        let intent = Intent {
            resource: asked.resource.to_owned(),
            seconds: match asked.route.access {
                Access::Owned(seconds) => Some(extra.access_seconds.unwrap_or(seconds)),
                Access::Once => None,
            },
            offer: payment.offer.extra.offer.as_deref().map(|offer| Wider {
                title: String::new(),
                ..offer.clone()
            }),
            passes: asked.passes().into_iter().map(ToOwned::to_owned).collect(),
            version: payment.version.number(),
            network: payment.offer.network,
            asset: payment.offer.asset,
            transfer: extra.transfer,
            metered: (payment.offer.scheme == Scheme::Upto).then_some(extra.decimals),
            upfront: extra.flow == PaymentFlow::Upfront,
            verify: payment.unverified || extra.transfer == Transfer::Permit2,
            contract: payment.unverified,
            payer: signed.payer(),
            pay_to: signed.payee(),
            amount: signed.amount(),
            nonce: signed.nonce(),
            valid_before: signed.valid_before(),
            confirmations: self.config().map_or(0, |config| {
                let settlement = &config.settlement;
                settlement
                    .confirmations(payment.offer.network, signed.amount(), extra.decimals)
                    .into()
            }),
            digest: hex::print(&payment.digest),
            secret: payment.secret,
            tagged: payment.tagged,
            identifier,
            address: address_digest(asked.keys, request.address),
            late: self
                .denies(signed.payer())
                .then_some(Problem::PayerRefused)
                .or(payment.late)
                .or(self.paused().then_some(Problem::PaymentsPaused))
                .map(|problem| problem.slug().to_owned()),
            receipt: receipt_id(asked.keys, site, signed.payer(), &asked.random),
            audience: self.counts().then(|| self.sender(request)),
            request: String::from_utf8(body).unwrap_or_default(),
        };
        LedgerCall {
            object: object_name(site, signed.payer()),
            call: "claim",
            body: self.without_revoked(serde_json::to_string(&intent).unwrap_or_default(), signed.payer()),
        }
    }
}

/// A receipt's id, made of the first of these random bytes; empty only if there is no key.
fn receipt_id(keys: &Keys, site: &str, payer: Address, random: &[u8; 16]) -> String {
    let random = random.first_chunk().copied().unwrap_or_default();
    receipt_id::issue(keys, site, payer, random).unwrap_or_default()
}

/// A keyed digest of a network address, so that no address is ever stored.
pub(super) fn address_digest(keys: &Keys, address: Option<&str>) -> String {
    // the platform always names it; where nothing does, all are neighbours
    keyed(keys, address.unwrap_or_default())
}

/// A digest that only we can make; what is no address is something else than one on sight.
pub(super) fn keyed(keys: &Keys, text: &str) -> String {
    use hmac::{Hmac, Mac};
    let mac = keys
        .signing(Purpose::Address)
        .and_then(|(_, key)| Hmac::<sha2::Sha256>::new_from_slice(key).ok());
    let Some(mut mac) = mac else {
        return String::new();
    };
    mac.update(text.as_bytes());
    hex::print(mac.finalize().into_bytes().get(..16).unwrap_or_default())
}
