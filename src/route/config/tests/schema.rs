//! www/farthing.schema.json knows the keys that the checker knows, and no others.

use super::super::{
    alerts, ask, cache, check, desk, extensions, given, networks, offers, origin, prices, revocation, routes, screening,
    settlement, subscribers, teaser,
};
use alloc::{collections::BTreeSet, vec::Vec};
use serde_json::Value;

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema: Value = serde_json::from_str(include_str!("../../../../www/farthing.schema.json")).unwrap();
    let mut known: Vec<(&str, &[&str])> = [
        ("", check::FILE_KEYS),
        ("/definitions/payTo", check::PAY_TO_KEYS),
        ("/properties/origin/oneOf/2", origin::ORIGIN_KEYS),
        ("/definitions/cache/oneOf/1", cache::CACHE_KEYS),
        ("/properties/demo", check::DEMO_KEYS),
        ("/properties/meter", given::METER_KEYS),
        ("/properties/gifts", given::GIFT_KEYS),
        ("/properties/revocation", revocation::REVOCATION_KEYS),
        ("/properties/desk", desk::DESK_KEYS),
        ("/properties/desk/properties/access", desk::ACCESS_KEYS),
        ("/properties/alerts", alerts::ALERTS_KEYS),
        ("/properties/alerts/properties/webhooks/items", alerts::WEBHOOK_KEYS),
        ("/properties/screening", screening::SCREENING_KEYS),
        ("/properties/settlement", settlement::SETTLEMENT_KEYS),
        ("/definitions/facilitator", settlement::FACILITATOR_KEYS),
        ("/definitions/direct", settlement::DIRECT_KEYS),
        ("/definitions/depth", settlement::DEPTH_KEYS),
        ("/definitions/entry", networks::ENTRY_KEYS),
        ("/definitions/price/oneOf/1", prices::ATOMIC_KEYS),
        ("/properties/offers/additionalProperties", offers::OFFER_KEYS),
        ("/definitions/teaser", teaser::TEASER_KEYS),
        ("/definitions/route", routes::ROUTE_KEYS),
        ("/properties/subscribers", subscribers::SUBSCRIBERS_KEYS),
        ("/definitions/jwt", subscribers::JWT_KEYS),
        ("/definitions/ask", ask::ASK_KEYS),
        ("/definitions/ask/properties/price", ask::BOUNDS_KEYS),
        ("/definitions/route/properties/recent/items", routes::RECENT_KEYS),
        ("/definitions/route/properties/listing/oneOf/1", extensions::LISTING_KEYS),
        ("/properties/extensions", extensions::EXTENSIONS_KEYS),
        ("/properties/extensions/properties/signIn/oneOf/1", extensions::SIGN_IN_KEYS),
        (
            "/properties/extensions/properties/httpMessageSignatures",
            extensions::SIGNATURES_KEYS,
        ),
    ]
    .into();
    for (place, keys) in &known {
        let object = schema.pointer(place).unwrap();
        assert_eq!(object["additionalProperties"], false, "{place}");
        let told: BTreeSet<&str> = object["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(|key| key.as_str())
            .collect();
        assert_eq!(told, keys.iter().copied().collect(), "{place}");
    }
    // nothing in the schema has keys of its own that is not in the list above
    known.sort_unstable();
    let mut objects = Vec::new();
    collect(&schema, "", &mut objects);
    objects.sort_unstable();
    let known: Vec<&str> = known.iter().map(|(place, _)| *place).collect();
    assert_eq!(objects, known);
}

/// The places of all schemas that close an object.
fn collect(value: &Value, place: &str, found: &mut Vec<alloc::string::String>) {
    if value["additionalProperties"] == false {
        found.push(place.into());
    }
    let children: Vec<_> = match value {
        Value::Object(members) => members.iter().map(|(key, child)| (key.clone(), child)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, child)| (alloc::format!("{index}"), child))
            .collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        collect(child, &alloc::format!("{place}/{key}"), found);
    }
}
