//! Pays for URLs with x402-reqwest: `PAYER_KEY=0x… client URL…`. v1 and v2, exact and upto. One line of JSON for each URL: the status,
//! the body's SHA-256, and the settlement as its header has it.

use std::sync::Arc;

use alloy_signer_local::PrivateKeySigner;
use farthing_peers::{Outcome, variable};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x402_chain_eip155::{V1Eip155ExactClient, V2Eip155ExactClient, V2Eip155UptoClient};
use x402_reqwest::{ReqwestWithPayments, ReqwestWithPaymentsBuild, X402Client};
use x402_types::util::Base64Bytes;

#[tokio::main]
async fn main() -> Outcome {
    let signer = Arc::new(variable("PAYER_KEY")?.parse::<PrivateKeySigner>()?);
    let client = X402Client::new()
        .register(V2Eip155ExactClient::new(signer.clone()))
        .register(V2Eip155UptoClient::new(signer.clone()))
        .register(V1Eip155ExactClient::new(signer));
    let http = reqwest::Client::new().with_payments(client).build();
    for url in std::env::args().skip(1) {
        let line = match http.get(&url).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let headers = response.headers();
                let settlement = headers.get("payment-response").or_else(|| headers.get("x-payment-response"));
                let settlement = settlement
                    .and_then(|header| Base64Bytes::from(header.as_bytes()).decode().ok())
                    .and_then(|json| serde_json::from_slice::<Value>(&json).ok());
                let digest = Sha256::digest(response.bytes().await?);
                json!({ "status": status, "digest": format!("{digest:x}"), "settlement": settlement })
            }
            Err(error) => json!({ "error": format!("{error:?}") }),
        };
        println!("{line}");
    }
    Ok(())
}
