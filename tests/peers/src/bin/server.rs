//! A shop of x402-axum, for clients to pay: `FACILITATOR_URL=… PAY_TO=0x… server`. USDC on Base Sepolia; prices and words are those of
//! the JavaScript shops. It has no way to charge less than was signed for, so `/upto` takes it all.

use alloy_primitives::Address;
use axum::{Router, routing::get};
use farthing_peers::{Outcome, serve, variable};
use x402_axum::X402Middleware;
use x402_chain_eip155::{
    KnownNetworkEip155, V1Eip155Exact, V2Eip155Exact, V2Eip155Upto,
    chain::{AssetTransferMethod, Eip155TokenDeployment},
};
use x402_types::networks::USDC;

#[tokio::main]
async fn main() -> Outcome {
    let x402 = X402Middleware::try_new(&variable("FACILITATOR_URL")?)?;
    let pay_to: Address = variable("PAY_TO")?.parse()?;
    let usdc = USDC::base_sepolia();
    let by_permit2 = Eip155TokenDeployment {
        transfer_method: AssetTransferMethod::Permit2 {
            name: "USDC".into(),
            version: "2".into(),
        },
        ..usdc.clone()
    };

    let exact = x402.with_price_tag(V2Eip155Exact::price_tag(pay_to, usdc.amount(10_000_u64)));
    let permit2 = x402.with_price_tag(V2Eip155Exact::price_tag(pay_to, by_permit2.amount(20_000_u64)));
    let upto = x402.with_price_tag(V2Eip155Upto::price_tag(pay_to, by_permit2.amount(50_000_u64)));
    let v1 = x402.with_price_tag(V1Eip155Exact::price_tag(pay_to, usdc.amount(10_000_u64)));
    let app = Router::new()
        .route("/exact", get(|| async { "what is sold at /exact" }).layer(exact))
        .route("/permit2", get(|| async { "what is sold at /permit2" }).layer(permit2))
        .route("/upto", get(|| async { "what is sold at /upto" }).layer(upto))
        // An empty type would be null in a v1 offer, which the v1 client in JavaScript refuses.
        .route(
            "/v1/exact",
            get(|| async { "what is sold at /v1/exact" }).layer(v1.with_mime_type("text/plain".into())),
        );
    serve(app).await
}
