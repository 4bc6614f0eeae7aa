//! `/.farthing/llms.txt`: what a program has to know to read here, in the form of llmstxt.org.

use alloc::{borrow::ToOwned, string::String};

use super::{Answer, Gate};

const HOW: &str = "
> Some pages here cost money. Programs pay for a page by x402, at the address of the page and without an account.

## How to pay

- Ask for the page with GET. The answer 402 has the offers in its header PAYMENT-REQUIRED (base64 of JSON, x402 version 2).
- Sign one offer and send the same request again with the header PAYMENT-SIGNATURE. The answer 200 is the page, and its header
  PAYMENT-RESPONSE says what was paid.
- The header crawler-price of a 402 is the price in dollars. Who sends crawler-max-price or crawler-exact-price is never asked to
  settle for more than that; the payment itself is always x402.
- An agent that signs its requests (Web Bot Auth, RFC 9421) may be asked another price. A User-Agent alone never makes anything
  cheaper.

## What costs

";

impl Gate {
    /// Where prices are, how to pay them, and what costs.
    pub(super) fn llms(&self) -> Answer {
        let mut text = String::from("# ");
        text.push_str(&self.host());
        text.push('\n');
        text.push_str(HOW);
        for route in self.config().map(|config| config.routes.as_slice()).unwrap_or_default() {
            let price = if route.is_free() { "free" } else { &route.price };
            let description = route.description.replace(['\n', '\r'], " ");
            let between = if description.is_empty() { "" } else { ". " };
            text.extend(["- `", &route.pattern.text(), "`: ", price, between, &description, "\n"]);
        }
        text.push_str("- everything else: free\n");
        Answer {
            status: 200,
            headers: [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Cache-Control", "public, max-age=300"),
                ("X-Content-Type-Options", "nosniff"),
            ]
            .map(|(name, value)| (name, value.to_owned()))
            .into(),
            body: text,
        }
    }
}
