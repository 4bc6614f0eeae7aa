//! A payer's ledger that settles without a facilitator: it asks the sender of the site's gas key.

use std::cell::RefCell;

use farthing::{
    evm::{Address, Key},
    ledger::Intent,
    route::Settlement as Settings,
    sender::{BUSY, GAS_FUNDS, GAS_PRICE, Job, NOT_TAKEN, PAYER_CODE, PAYER_LIMIT, UNREADABLE},
    x402::facilitator::VerifyResponse,
};

use crate::{config, platform::Platform};

/// What a sender's answer means for the payment.
pub(crate) enum Answer {
    /// The money moved in this transaction.
    Done(String),
    /// It cannot move: this is about the payment.
    Refused(String),
    /// This payer is refused, whatever the payment.
    Limited(String),
    /// Nothing was sent: this is about the sender.
    Unable(String),
    /// Something may be under way.
    Unclear,
}

thread_local! {
    /// The accounts of keys, by the names of their secrets: deriving one takes longer than anything else here.
    static ACCOUNTS: RefCell<Vec<(String, Address)>> = const { RefCell::new(Vec::new()) };
}

/// Has a payment settled, within so many seconds.
pub(crate) async fn settle(platform: &Platform, settings: &Settings, secret: &str, intent: &Intent, seconds: u64) -> Answer {
    let job = match Job::of(intent) {
        Ok(job) => job,
        Err(reason) => return Answer::Unable(reason.to_owned()),
    };
    let Some(name) = sender_of(platform, settings, secret, intent) else {
        return Answer::Unable("the gas key cannot be used, or there is no endpoint".to_owned());
    };
    // the answer has to come before the ledger gives up
    let order = order(secret, intent, &job, seconds.saturating_sub(1));
    let Ok(answer) = platform.send(&name, "settle", order).await else {
        return Answer::Unclear;
    };
    match answer.split_once(' ') {
        Some(("done", transaction)) => Answer::Done(transaction.to_owned()),
        Some(("refused", reason)) => match reason {
            PAYER_LIMIT => Answer::Limited(reason.to_owned()),
            BUSY | GAS_FUNDS | GAS_PRICE | UNREADABLE | NOT_TAKEN | PAYER_CODE => Answer::Unable(reason.to_owned()),
            _ => Answer::Refused(reason.to_owned()),
        },
        _ => Answer::Unclear,
    }
}

/// Has a payment run dry: whether it could be settled now. None where nobody can say.
pub(crate) async fn verify(platform: &Platform, settings: &Settings, secret: &str, intent: &Intent) -> Option<VerifyResponse> {
    let job = Job::of(intent).ok()?;
    let name = sender_of(platform, settings, secret, intent)?;
    let answer = platform.send(&name, "verify", order(secret, intent, &job, 0)).await.ok()?;
    let (valid, reason) = match answer.split_once(' ') {
        // others may settle it
        Some(("reverts", PAYER_CODE)) => return None,
        Some(("reverts", reason)) => (false, Some(reason.to_owned())),
        None if answer == "passes" => (true, None),
        _ => return None,
    };
    Some(VerifyResponse {
        valid,
        reason,
        payer: None,
    })
}

/// What a sender is asked.
fn order(secret: &str, intent: &Intent, job: &Job, seconds: u64) -> String {
    format!("{} {secret} {seconds} {}", intent.network, job.write())
}

/// The name of the sender of a gas key: the site, the network, the key's account.
fn sender_of(platform: &Platform, settings: &Settings, secret: &str, intent: &Intent) -> Option<String> {
    settings.rpc.get(&intent.network)?;
    let site = config::site()?;
    let known = ACCOUNTS.with_borrow(|accounts| accounts.iter().find(|(name, _)| name == secret).map(|(_, account)| *account));
    let account = match known {
        Some(account) => account,
        None => {
            let account = Key::take(platform.secret(secret)?).ok()?.address();
            ACCOUNTS.with_borrow_mut(|accounts| accounts.push((secret.to_owned(), account)));
            account
        }
    };
    Some(format!("{} {} {account}", site.url, intent.network))
}
