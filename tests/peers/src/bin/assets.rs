//! Prints what x402-rs knows about networks and tokens, as JSON: {networks: [{name, network}], assets: [{token, network, address,
//! decimals, transfer}]}.

use serde_json::{Value, json};
use x402_chain_eip155::{KnownNetworkEip155, KnownSbcEip155, chain::Eip155TokenDeployment};
use x402_types::networks::{KNOWN_NETWORKS, SBC, USDC};

fn asset(token: &str, deployment: Eip155TokenDeployment) -> Value {
    json!({
        "token": token,
        "network": deployment.chain_reference.as_chain_id().to_string(),
        "address": deployment.address.to_checksum(None),
        "decimals": deployment.decimals,
        "transfer": deployment.transfer_method,
    })
}

fn main() {
    let networks: Vec<Value> = KNOWN_NETWORKS
        .iter()
        .map(|known| json!({ "name": known.name, "network": known.chain_id().to_string() }))
        .collect();
    // The crate has one function for each and no list; one that is added there has to be added here.
    let usdc: [fn() -> Eip155TokenDeployment; 14] = [
        USDC::base,
        USDC::base_sepolia,
        USDC::polygon,
        USDC::polygon_amoy,
        USDC::avalanche,
        USDC::avalanche_fuji,
        USDC::sei,
        USDC::sei_testnet,
        USDC::xdc,
        USDC::xrpl_evm,
        USDC::peaq,
        USDC::iotex,
        USDC::celo,
        USDC::celo_sepolia,
    ];
    let sbc: [fn() -> Eip155TokenDeployment; 2] = [SBC::radius, SBC::radius_testnet];
    let assets: Vec<Value> = usdc
        .into_iter()
        .map(|known| asset("USDC", known()))
        .chain(sbc.into_iter().map(|known| asset("SBC", known())))
        .collect();
    println!("{}", json!({ "networks": networks, "assets": assets }));
}
