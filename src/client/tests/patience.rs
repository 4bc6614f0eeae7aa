//! What is in the account, and wallets that say nothing.

use super::*;

fn word(amount: u64) -> String {
    format!("0x{amount:064x}")
}

/// To the open question for the balance.
fn until_balance(rig: &mut Rig) -> Vec<Effect> {
    let effects = rig.pay();
    let effects = rig.wallet(&effects, Ok(&key(1).1));
    rig.wallet(&effects, Ok(SEPOLIA))
}

fn waits(effects: &[Effect]) -> (u32, u32) {
    let wait = effects.iter().find_map(|effect| match effect {
        Effect::Wait { turn, ms } => Some((*turn, *ms)),
        _ => None,
    });
    wait.unwrap()
}

fn wake(rig: &mut Rig, effects: &[Effect]) -> Vec<Effect> {
    let (turn, _) = waits(effects);
    rig.send(FlowEvent::Woke { turn })
}

#[test]
fn the_balance_is_looked_at_before_the_signature() {
    let mut rig = Rig::with_offer();
    let effects = until_balance(&mut rig);
    let account = key(1).1.to_lowercase();
    let expected = json!([
        {"to": base().contract.to_string().to_lowercase(), "data": format!("0x70a08231{:0>64}", &account[2..])}, "latest"
    ]);
    assert_eq!(method(&effects), "eth_call");
    assert_eq!(serde_json::from_str::<Value>(params(&effects)).unwrap(), expected);
    assert_eq!(waits(&effects).1, 4000);
    assert_eq!(rig.wallet(&effects, Ok(&word(40_000))), []);
    let view = rig.card.view();
    assert_eq!((view.notice, view.action), (Notice::LowBalance, Action::Retry));
    assert_eq!(
        (view.have.as_deref(), rig.terms().unwrap().price.as_str()),
        (Some("0.04"), "0.05")
    );
    // money came
    let effects = until_balance(&mut rig);
    assert_eq!(rig.card.view().have, None);
    assert_eq!(method(&rig.wallet(&effects, Ok(&word(50_000)))), "eth_signTypedData_v4");
}

#[test]
fn what_a_server_says_of_the_balance_has_no_number() {
    let mut rig = Rig::with_offer();
    let effects = until_balance(&mut rig);
    rig.wallet(&effects, Ok(&word(1)));
    assert_eq!(rig.card.view().have.as_deref(), Some("0.000001"));
    let effects = rig.until_sent();
    rig.answer(&effects, refusal(402, "insufficient-funds"));
    assert_eq!((rig.notice(), rig.card.view().have), (Notice::LowBalance, None));
    // nor has what another tab sent
    let effects = until_balance(&mut rig);
    rig.wallet(&effects, Ok(&word(1)));
    rig.kept = Some("eyJhIjoxfQ==".into());
    let effects = rig.pay();
    rig.answer(&effects, refusal(402, "insufficient-funds"));
    assert_eq!((rig.notice(), rig.card.view().have), (Notice::LowBalance, None));
}

#[test]
fn a_balance_that_is_not_told_stops_nobody() {
    for nonsense in ["", "0x", "null", "0x1", "40000", &word(1)[..65], &format!("{}00", word(1))] {
        let mut rig = Rig::with_offer();
        let effects = until_balance(&mut rig);
        assert_eq!(
            method(&rig.wallet(&effects, Ok(nonsense))),
            "eth_signTypedData_v4",
            "{nonsense}"
        );
    }
    for code in [4001, 4100, 4200, 4900, -32002, -32601, -32603, 0] {
        let mut rig = Rig::with_offer();
        let effects = until_balance(&mut rig);
        assert_eq!(method(&rig.wallet(&effects, Err(code))), "eth_signTypedData_v4", "{code}");
    }
    let mut rig = Rig::with_offer();
    let effects = until_balance(&mut rig);
    let signing = wake(&mut rig, &effects);
    assert_eq!(method(&signing), "eth_signTypedData_v4");
    assert_eq!(rig.wallet(&effects, Ok(&word(1))), [], "too late");
    assert_eq!(rig.card.view().stage, Stage::Signing);
}

#[test]
fn silence_is_spoken_of_and_then_ended() {
    let silent = |step: &dyn Fn(&mut Rig) -> Vec<Effect>, patience: u32, notice: Notice| {
        let mut rig = Rig::with_offer();
        let effects = step(&mut rig);
        assert_eq!(waits(&effects).1, 8000);
        let more = wake(&mut rig, &effects);
        assert_eq!(rig.notice(), Notice::WalletWaiting);
        assert_eq!(waits(&more), (waits(&effects).0, patience - 8000));
        assert_eq!(wake(&mut rig, &more), []);
        assert_eq!((rig.notice(), rig.card.view().action), (notice, Action::Retry));
        // late answers count for nothing
        assert_eq!(rig.wallet(&effects, Ok(&key(1).1)), []);
        assert_eq!((rig.notice(), rig.kept), (notice, None));
    };
    let minutes = 300_000;
    silent(&|rig| rig.pay(), minutes, Notice::WalletSilent);
    let accounts = |rig: &mut Rig| {
        let effects = rig.pay();
        rig.wallet(&effects, Ok(&key(1).1))
    };
    silent(&accounts, 10_000, Notice::WalletTrouble);
    let switch = |rig: &mut Rig| {
        let effects = accounts(rig);
        rig.wallet(&effects, Ok("0x1"))
    };
    silent(&switch, minutes, Notice::WalletSilent);
    let add = |rig: &mut Rig| {
        let effects = switch(rig);
        rig.wallet(&effects, Err(4902))
    };
    silent(&add, minutes, Notice::WalletSilent);
    silent(&|rig| rig.until_signing(&key(1).1), minutes, Notice::WalletSilent);
    assert_eq!(Notice::WalletSilent.key(), "wallet-silent");
}
