//! The small values of the wire: hex, amounts, prices, networks, signatures, authorizations.

use farthing::{
    evm::{Asset, Authorization, B256, Permit, Signature, Transfer, asset::ASSETS, hex},
    json,
    money::{Amount, Price},
    x402::{
        Network, reason,
        v2::{PaymentFlow, Scheme},
    },
};

use super::world;

pub(super) fn run(data: &[u8]) {
    let Some((choice, text)) = world::split(data) else { return };
    match choice % 8 {
        0 => {
            if let Some(bytes) = hex::read::<20>(text) {
                assert_eq!(hex::print(&bytes), text.to_ascii_lowercase());
            }
        }
        1 => {
            if let Ok(amount) = text.parse::<Amount>() {
                assert_eq!(amount.to_string(), text, "one spelling");
                for decimals in [0, 6, 18] {
                    let decimal = amount.to_decimal(decimals);
                    let price = format!("${decimal}").parse::<Price>();
                    match price {
                        Ok(price) => assert_eq!(price.in_units_of(decimals), Ok(amount)),
                        // nothing is not a price, and no price has 41 digits
                        Err(_) => assert!(text == "0" || decimal.split('.').any(|part| part.len() > 40)),
                    }
                }
            }
        }
        2 => {
            if let Ok(price @ Price::Dollars { .. }) = text.parse::<Price>()
                && let (Ok(six), Ok(eighteen)) = (price.in_units_of(6), price.in_units_of(18))
            {
                assert_eq!(format!("{six}{}", "0".repeat(12)), eighteen.to_string());
            }
        }
        3 => {
            if let Ok(network) = text.parse::<Network>() {
                assert_eq!(network.to_string(), text, "one spelling");
            }
            if let Some(network) = Network::from_v1_slug(text) {
                assert_eq!(network.v1_slug(), Some(text));
            }
        }
        4 => {
            if let Ok(signature) = Signature::parse(text) {
                assert_eq!(text.len(), 132);
                // whoever it names, the other parity names somebody else
                let digest = B256::repeat_byte(7);
                if let Ok(signer) = signature.recover(digest) {
                    assert_ne!(signature.recover(B256::repeat_byte(8)), Ok(signer));
                }
            }
        }
        6 => {
            let permit = json::parse(text).ok().and_then(|value| Permit::read(&value));
            if let Some(permit) = permit {
                let written = serde_json::to_string(&permit).unwrap();
                assert_eq!(
                    Permit::read(&json::parse(&written).unwrap()),
                    Some(permit),
                    "written as it is read"
                );
                assert_ne!(permit.digest(Network::BASE), permit.digest(Network::BASE_SEPOLIA));
            }
        }
        7 => {
            // spelled alike, or not at all
            for known in [Scheme::read(text).map(Scheme::name), Transfer::read(text).map(Transfer::name)] {
                assert!(known.is_none_or(|name| name == text));
            }
            assert!(PaymentFlow::read(text).is_none_or(|flow| flow.name() == text));
            let family = reason::family(text);
            assert_eq!(family, reason::family(text));
        }
        _ => {
            let read = json::parse(text).ok().and_then(|value| Authorization::read(&value));
            if let Some(authorization) = read {
                let written = serde_json::to_string(&authorization).unwrap();
                let again = Authorization::read(&json::parse(&written).unwrap());
                assert_eq!(again, Some(authorization), "written as it is read");
                for asset in ASSETS {
                    let other: &Asset = ASSETS.iter().find(|other| *other != asset).unwrap();
                    assert_ne!(authorization.digest(&asset.domain()), authorization.digest(&other.domain()));
                }
            }
        }
    }
}
