//! The exports for the publisher's commands: what needs the ledger key. Nothing of it is in a reader's download.
//!
//! As in the gate's file, texts go through two buffers and numbers through the calls; there are no imports.
#![allow(
    unsafe_code,
    reason = "the attribute that exports a function under its own name is called unsafe; there is no unsafe block"
)]

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::memory::{INPUT, OUTPUT};
use crate::{
    access::{Gift, Keys, Marks, Name, Order, Pass, order::Entry, receipt_id, sign_in},
    evm::{Key, hex},
    gate::gift_url,
    json,
    offer::quote::{named_by, resource_id},
    radix64,
    x402::{
        Network,
        extension::sign_in::{self as wire, Proof},
    },
};

/// Which resources nonces were made for. The input has three parts with a zero byte between them: the secret
/// `FARTHING_KEYS`, canonical URLs, nonces of 32 bytes as hex; the last two one a line. The output has a line
/// for each nonce: the number of its URL, from 0, or nothing. Returns 1; or 0, with what is wrong in the output.
#[unsafe(no_mangle)]
pub extern "C" fn articles(length: usize) -> u32 {
    answer(length, find)
}

/// A link that gives an article away. The input has seven parts with a zero byte between them: the secret `FARTHING_KEYS`, the site, the
/// article's canonical path, how many may open it, for how many seconds, the Unix seconds now, 16 random bytes as `0x` and hex digits.
/// Returns 1, with the link in the output; or 0, with what is wrong.
#[unsafe(no_mangle)]
pub extern "C" fn gift(length: usize) -> u32 {
    answer(length, given)
}

/// An order that takes access back. The input has eight parts with a zero byte between them: the secret `FARTHING_KEYS`, the site, the id
/// of a receipt or a pass, `revoke` or `undo`, the Unix milliseconds now; for a pass what it opens: the article's canonical URL, or one a
/// line if there is a choice, the origin of the page that it was given to, the name of a time pass; each is empty where there is none.
/// Returns 1, with the order in the output; or 0, with what is wrong.
#[unsafe(no_mangle)]
pub extern "C" fn order(length: usize) -> u32 {
    answer(length, ordered)
}

/// An order that writes of a refund into the books, or asks what stands there. The input has five parts with a zero byte between them: the
/// secret `FARTHING_KEYS`, the site, the id of a receipt, the entry as JSON, the Unix milliseconds now. Returns 1, with the payer's address
/// and the order in the output, each on a line; or 0, with what is wrong.
#[unsafe(no_mangle)]
pub extern "C" fn refund(length: usize) -> u32 {
    answer(length, refunded)
}

/// What stands in the books for payments that were erased. The input has two parts with a zero byte between them: the secret
/// `FARTHING_KEYS`, and names, one a line: keys of payments, transactions. The output has a line for each, with every mark that it may
/// have and spaces between. Returns 1; or 0, with what is wrong in the output.
#[unsafe(no_mangle)]
pub extern "C" fn marks(length: usize) -> u32 {
    answer(length, marked)
}

/// A proof of an account. The input has three parts with a zero byte between them: a private key, a challenge as `sign-in-with-x` has it,
/// the address that it has to be for. Returns 1, with the account, what was signed in hex and the content of `SIGN-IN-WITH-X` in the
/// output, each on a line; or 0, with what is wrong.
#[unsafe(no_mangle)]
pub extern "C" fn prove(length: usize) -> u32 {
    answer(length, proven)
}

/// 1 with an answer in the output, or 0 with what is wrong.
fn answer(length: usize, f: fn(&str) -> Result<String, String>) -> u32 {
    let answer = INPUT.with_borrow(|input| {
        let text = input.get(..length).and_then(|bytes| core::str::from_utf8(bytes).ok());
        f(text.unwrap_or_default())
    });
    let good = answer.is_ok();
    OUTPUT.set(answer.unwrap_or_else(|error| error));
    u32::from(good)
}

fn ordered(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('\0').collect();
    let [keys, site, what, action, now, articles, origin, offer] = parts[..] else {
        return Err("the input has eight parts".into());
    };
    let keys = Keys::parse(keys).map_err(|error| error.to_string())?;
    let name = match Pass::peek(what) {
        Some(pass) if pass.receipt == [0; 16] => {
            return Err("Nobody paid for this pass: it is of what every reader may read for nothing, and ends with that.".into());
        }
        Some(_) if articles.is_empty() && offer.is_empty() => {
            return Err("Whether a pass is of this site shows by what it opens: add --article URL, or --offer NAME for a time pass.".into());
        }
        // what is published may be forged: who knows the digest of a receipt would have us revoke it
        Some(_) => opened(&keys, site, what, articles, origin, offer)
            .map(|pass| Name::of(&pass))
            .ok_or("This pass is not one of this site's for that address or offer, or is of a key that FARTHING_KEYS does not have any more: nothing was changed.")?,
        None if what.len() == receipt_id::LENGTH => Name::of_receipt(&keys, site, what)
            .ok_or("This receipt is not of this site, or of a key that FARTHING_KEYS does not have any more.")?,
        None if what.starts_with("v1.") => {
            return Err("This is no pass: a handle, which names a reader, ends with \"before\" in the config.".into());
        }
        None => return Err("This is neither the id of a receipt nor a pass.".into()),
    };
    let order = Order {
        name,
        undo: action == "undo",
        at: now.parse().map_err(|_| "the time is none")?,
    };
    order.seal(&keys, site).ok_or_else(|| "there is no key".into())
}

fn refunded(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('\0').collect();
    let [keys, site, receipt, entry, now] = parts[..] else {
        return Err("the input has five parts".into());
    };
    let keys = Keys::parse(keys).map_err(|error| error.to_string())?;
    let payer = receipt_id::payer_of(&keys, site, receipt)
        .ok_or("This receipt is not of this site, or of a key that FARTHING_KEYS does not have any more.")?;
    let now = now.parse().map_err(|_| "the time is none")?;
    let order = Entry::seal(&keys, site, entry, now).ok_or("there is no key")?;
    Ok([&payer.to_checksum(None), "\n", &order].concat())
}

fn marked(text: &str) -> Result<String, String> {
    let (keys, names) = text.split_once('\0').ok_or("the input has two parts")?;
    let marks = Marks::new(&Keys::parse(keys).map_err(|error| error.to_string())?);
    let lines: Vec<String> = names.lines().map(|name| marks.all(name).join(" ")).collect();
    Ok(lines.join("\n"))
}

fn proven(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('\0').collect();
    let [key, challenge, url] = parts[..] else {
        return Err("the input has three parts".into());
    };
    let key = Key::from_hex(key).map_err(|_| "this is no private key")?;
    let account = key.address().to_checksum(None);
    // written by a server that may be anybody's: what it does not say of itself and this deed is not signed
    let none = "The challenge of this site cannot be read.";
    let value = json::parse(challenge).map_err(|_| none)?;
    let unsigned = wire::unsigned(&value, &account, |_| true).ok_or(none)?;
    let value = json::parse(&unsigned).map_err(|_| none)?;
    let mut proof = Proof::read(&value).map_err(|_| none)?;
    let host = url.split('/').nth(2).unwrap_or_default();
    let only_this = proof.resources.as_deref().is_none_or(|all| all.iter().all(|one| *one == url));
    if proof.domain != host || proof.uri != url || !only_this {
        return Err("The challenge is for another site or another deed: nothing was signed.".into());
    }
    if unsigned.contains("\\n") || unsigned.contains("\\u") {
        return Err("The challenge has control characters in it: nothing was signed.".into());
    }
    let network: Network = proof.chain_id.parse().map_err(|_| none)?;
    let message = sign_in::message(&proof, network.chain_id(), &account);
    let signature = key.sign(sign_in::personal_hash(&message)).ok_or("the key does not sign")?;
    proof.signature = &signature;
    let header = radix64::write(proof.json().as_bytes());
    Ok([&account, "\n", &hex::print(message.as_bytes()), "\n", &header].concat())
}

/// A pass whose MAC holds for what it is said to open, though it may have ended.
fn opened(keys: &Keys, site: &str, text: &str, articles: &str, origin: &str, offer: &str) -> Option<Pass> {
    if !offer.is_empty() {
        return Pass::open_wider(keys, site, offer, text, 0);
    }
    articles.lines().find_map(|article| match origin {
        "" => Pass::open(keys, article, text, 0),
        origin => Pass::open_for(keys, article, origin, text, 0),
    })
}

fn given(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('\0').collect();
    let [keys, site, path, most, seconds, now, random] = parts[..] else {
        return Err("the input has seven parts".into());
    };
    let keys = Keys::parse(keys).map_err(|error| error.to_string())?;
    let numbers = (
        most.parse().ok(),
        seconds.parse::<u32>().ok(),
        now.parse::<u64>().ok(),
        hex::read(random),
    );
    let (Some(most), Some(seconds), Some(now), Some(id)) = numbers else {
        return Err("a number of the gift is none".into());
    };
    let gift = Gift {
        id,
        most,
        seconds,
        expires: now.saturating_add(seconds.into()),
        path: path.into(),
    };
    gift_url(&gift, &keys, site).ok_or_else(|| "The article's path is too long for a link.".into())
}

fn find(text: &str) -> Result<String, String> {
    let mut parts = text.split('\0');
    let (Some(keys), Some(urls), Some(nonces)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("the input has three parts".into());
    };
    let keys = Keys::parse(keys).map_err(|error| error.to_string())?;
    let known: Vec<[u8; 8]> = urls.lines().map(resource_id).collect();
    let mut out = String::new();
    for nonce in nonces.lines() {
        let tag = hex::read::<32>(nonce).and_then(|nonce| nonce.first_chunk().copied());
        let mut ids = tag.into_iter().flat_map(|tag| named_by(&keys, tag));
        if let Some(index) = ids.find_map(|id| known.iter().position(|known| *known == id)) {
            out.push_str(&index.to_string());
        }
        out.push('\n');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::Quote;
    use alloc::format;

    #[test]
    fn s8_a_nonce_is_matched_with_the_article_it_was_made_for() {
        let text = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let keys = Keys::parse(text).unwrap();
        let nonce = |url| {
            let tag = Quote::new(url, 1, [5; 16], &keys).unwrap().tag;
            hex::print(&[tag, [9; 16]].concat())
        };
        let strange = hex::print(&[3; 32]);
        let input = format!(
            "{text}\0https://n.example/a\nhttps://n.example/b\0{}\n{strange}\nx\n{}\n{}",
            nonce("https://n.example/b"),
            nonce("https://n.example/a"),
            nonce("https://n.example/c")
        );
        assert_eq!(find(&input).unwrap(), "1\n\n\n0\n\n");
        assert!(find("x\0\0").unwrap_err().contains("FARTHING_KEYS"));
        assert!(find(text).is_err());
        assert_eq!(find(&format!("{text}\0\0")).unwrap(), "");
    }

    #[test]
    fn an_order_is_about_a_receipt_or_a_pass_and_nothing_else() {
        let text = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let (keys, site) = (Keys::parse(text).unwrap(), "https://n.example");
        let at =
            |what: &str, action: &str, opens: &str| ordered(&format!("{text}\0{site}\0{what}\0{action}\01800000000123\0{opens}"));
        let order = |what: &str, action: &str| at(what, action, "\0\0");
        let payer = crate::evm::Address::repeat_byte(7);
        let id = receipt_id::issue(&keys, site, payer, [1; 12]).unwrap();
        let pass = Pass {
            payer: Pass::payer_digest(payer),
            receipt: Pass::receipt_digest(&id),
            issued: 1,
            expires: 2,
        };
        let token = pass.seal_wider(&keys, site, "day").unwrap();
        let read = |text: &str| Order::open(&keys, site, text, 1_800_000_000).unwrap();
        let (one, other) = (
            read(&order(&id, "revoke").unwrap()),
            read(&at(&token, "undo", "\0\0day").unwrap()),
        );
        assert_eq!((one.name, one.undo, one.at), (Name::of(&pass), false, 1_800_000_000_123));
        assert_eq!((other.name, other.undo), (one.name, true));
        let free = Pass {
            payer: [0; 16],
            receipt: [0; 16],
            ..pass
        };
        let handle = crate::access::Handle { payer, expires: 2 };
        for (what, said) in [
            (free.seal(&keys, "x").unwrap(), "Nobody paid"),
            (handle.seal(&keys, site).unwrap(), "\"before\""),
            (
                format!("{}{}", if id.starts_with('A') { 'B' } else { 'A' }, &id[1..]),
                "not of this site",
            ),
            ("x".into(), "neither"),
            (token.clone(), "--article"),
        ] {
            assert!(order(&what, "revoke").unwrap_err().contains(said), "{what}");
        }
    }

    #[test]
    fn an_entry_names_the_payer_of_its_receipt() {
        let text = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let (keys, site) = (Keys::parse(text).unwrap(), "https://n.example");
        let payer = crate::evm::Address::repeat_byte(7);
        let id = receipt_id::issue(&keys, site, payer, [1; 12]).unwrap();
        let asked = refunded(&format!("{text}\0{site}\0{id}\0what\01800000000123")).unwrap();
        let (said, order) = asked.split_once('\n').unwrap();
        assert_eq!(said, payer.to_checksum(None));
        assert_eq!(Entry::open(&keys, site, order, 1_800_000_000), Some("what"));
        let other = refunded(&format!("{text}\0https://m.example\0{id}\0what\01800000000123"));
        assert!(other.unwrap_err().contains("not of this site"));
    }

    #[test]
    fn e6_a_pass_is_believed_if_its_mac_holds_for_what_it_is_said_to_open() {
        let text = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let (keys, site) = (Keys::parse(text).unwrap(), "https://n.example");
        let pass = Pass {
            payer: [1; 16],
            receipt: [2; 16],
            issued: 1,
            expires: 2,
        };
        let order = |what: &str, opens: &str| ordered(&format!("{text}\0{site}\0{what}\0revoke\01800000000123\0{opens}"));
        let tokens = [
            pass.seal(&keys, "https://n.example/a").unwrap(),
            pass.seal_for(&keys, "https://n.example/a", "https://b.example").unwrap(),
            pass.seal_wider(&keys, site, "day").unwrap(),
        ];
        let opens = [
            "https://n.example/a?x\nhttps://n.example/a\0\0",
            "https://n.example/a\0https://b.example\0",
            "\0\0day",
        ];
        for (n, token) in tokens.iter().enumerate() {
            for (m, opens) in opens.iter().enumerate() {
                assert_eq!(order(token, opens).is_ok(), n == m, "{n} {m}");
            }
            for other in [
                "https://n.example/b\0\0",
                "https://n.example/a\0https://c.example\0",
                "\0\0week",
            ] {
                assert!(order(token, other).unwrap_err().contains("not one of this site's"), "{n}");
            }
            let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, "A".repeat(43));
            for opens in opens {
                assert!(order(&forged, opens).unwrap_err().contains("not one of this site's"), "{n}");
            }
        }
    }

    #[test]
    fn e12_a_program_signs_for_the_deed_that_it_wants_and_no_other() {
        use crate::{access::sign_in::Expected, x402::extension::sign_in::Challenge};
        let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
        let (host, now) = ("n.example", 1_800_000_000);
        let url = "https://n.example/.farthing/erase";
        let nonce = sign_in::nonce(&keys, host, now, [1; 4]).unwrap();
        let challenge = Challenge {
            domain: host,
            uri: url,
            statement: Some("Erase it."),
            nonce: &nonce,
            issued_at: "2027-01-15T08:00:00Z",
            expiration_time: "2027-01-15T08:05:00Z",
            chains: &[Network::BASE],
        };
        let text = challenge.announce();
        let key = format!("0x{}", "11".repeat(32));
        let said = proven(&format!("{key}\0{text}\0{url}")).unwrap();
        let [account, message, header] = said.split('\n').collect::<Vec<_>>()[..] else {
            panic!("{said}")
        };
        assert!(message.contains(&hex::print(b"Erase it.")[2..]));
        let json = crate::x402::decode(header).unwrap();
        let value = json::parse(&json).unwrap();
        let expected = Expected {
            keys: &keys,
            host,
            resource: url,
            statement: "Erase it.",
            chains: &[Network::BASE],
            now,
        };
        let signed = expected.check(&Proof::read(&value).unwrap()).unwrap();
        assert_eq!(signed.payer.to_checksum(None), account);
        for (text, url) in [
            (text.clone(), "https://n.example/.farthing/export"),
            (text.clone(), "https://m.example/.farthing/erase"),
            (
                text.replace("\"resources\":[", "\"resources\":[\"https://n.example/.farthing/export\","),
                url,
            ),
            (text.replace("Erase it.", "See it.\\nURI: x"), url),
            (text.replace("eip155:8453", "solana:x"), url),
            ("{}".into(), url),
        ] {
            assert!(proven(&format!("{key}\0{text}\0{url}")).is_err(), "{text}");
        }
        assert!(proven(&format!("x\0{text}\0{url}")).unwrap_err().contains("private key"));
    }

    #[test]
    fn a_mark_is_found_by_every_key() {
        let two = "k2:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI,k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let out = marked(&format!("{two}\0a\nb")).unwrap();
        let marks = Marks::new(&Keys::parse(two).unwrap());
        let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split(' ').collect()).collect();
        assert_eq!(lines, [marks.all("a"), marks.all("b")]);
        assert!(marked("x\0a").is_err());
    }

    #[test]
    fn a_gift_link_says_what_it_was_asked_to() {
        let text = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let random = hex::print(&[9; 16]);
        let input = |path: &str, most: &str| format!("{text}\0https://n.example\0{path}\0{most}\086400\0100\0{random}");
        let link = given(&input("/articles/x", "50")).unwrap();
        let token = link.strip_prefix("https://n.example/.farthing/gift/").unwrap();
        let gift = Gift::open(&Keys::parse(text).unwrap(), "https://n.example", token, 86_499).unwrap();
        assert_eq!(
            (gift.id, gift.most, gift.seconds, gift.expires),
            ([9; 16], 50, 86_400, 86_500)
        );
        assert_eq!(gift.path, "/articles/x");
        assert!(given(&input(&"/x".repeat(200), "50")).unwrap_err().contains("too long"));
        for most in ["-1", "65536", "x", ""] {
            assert!(given(&input("/articles/x", most)).is_err(), "{most}");
        }
        assert!(given("x").is_err());
    }
}
